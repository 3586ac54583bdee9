// The arithmetic of a step, on vectors of LANES floats: matrix tiles, norms, attention's parts.
// Which processor it is for is chosen by compiler flags, once per extension module (setup.py).
// Every sum runs over its terms in an order that depends on its length alone, so that a row's
// result has the same bits in any batch. No threads and no memory of its own.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace native {

// For loops over sums in registers: one that is not unrolled in time keeps them in memory.
#define UNROLL _Pragma("GCC unroll 16")

constexpr int TILE_ROWS = 6;
constexpr int SLICE = 64;   // every head_dim is a multiple
constexpr float LOW = -1e30f;  // finite, so that differences of it are

#ifdef __AVX512BF16__

using Number = uint16_t;  // bfloat16: weights, cache, what enters a product
using Vec = __m512;
using Ints = int __attribute__((vector_size(64)));
using Word = __m512i;
constexpr int LANES = 16;
constexpr int DEPTH = 2;        // numbers per lane that one instruction multiplies and adds
constexpr int TILE_BLOCKS = 4;  // TILE_ROWS * TILE_BLOCKS sums and their operands fit 32 registers
constexpr int MIX_HEADS = 4;

inline Vec splat(float x) { return _mm512_set1_ps(x); }
inline Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
inline Vec load(const float* from) { return _mm512_loadu_ps(from); }
inline void store(float* to, Vec x) { _mm512_storeu_ps(to, x); }
inline Vec load(const Number* from) {
  const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}
inline void store(Number* to, Vec x) {
  const __m256bh half = _mm512_cvtneps_pbh(x);
  std::memcpy(to, &half, sizeof half);
}
inline Word word(const Number* from) { return _mm512_loadu_si512(from); }
inline Word repeat(const Number* from) {
  int32_t pair;
  std::memcpy(&pair, from, sizeof pair);
  return _mm512_set1_epi32(pair);
}
inline Vec dot(Word a, Word b, Vec sum) { return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b); }
inline float single(Number x) {
  const uint32_t bits = uint32_t(x) << 16;
  float found;
  std::memcpy(&found, &bits, sizeof found);
  return found;
}
inline Number number(float x) {  // of what is a Number already
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return Number(bits >> 16);
}

inline float total(Vec x) { return _mm512_reduce_add_ps(x); }
inline bool any(Ints mask) { return _mm512_cmplt_epi32_mask((Word)mask, _mm512_setzero_si512()); }

// The sum of each of LANES vectors, as one vector: four rounds that halve their number.
inline Vec sums(Vec (&of)[LANES]) {
  UNROLL for (int i = 0; i < 8; ++i)
    of[i] = _mm512_unpacklo_ps(of[2 * i], of[2 * i + 1]) +
            _mm512_unpackhi_ps(of[2 * i], of[2 * i + 1]);
  UNROLL for (int i = 0; i < 4; ++i) {
    const __m512d a = _mm512_castps_pd(of[2 * i]), b = _mm512_castps_pd(of[2 * i + 1]);
    of[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b)) +
            _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
  }
  UNROLL for (int i = 0; i < 2; ++i)
    of[i] = _mm512_shuffle_f32x4(of[2 * i], of[2 * i + 1], 0x88) +
            _mm512_shuffle_f32x4(of[2 * i], of[2 * i + 1], 0xdd);
  return _mm512_shuffle_f32x4(of[0], of[1], 0x88) + _mm512_shuffle_f32x4(of[0], of[1], 0xdd);
}

#else

using Number = float;
using Vec = __m256;
using Ints = int __attribute__((vector_size(32)));
using Word = __m256;
constexpr int LANES = 8;
constexpr int DEPTH = 1;
constexpr int TILE_BLOCKS = 2;  // of 16 registers
constexpr int MIX_HEADS = 1;

inline Vec splat(float x) { return _mm256_set1_ps(x); }
inline Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
inline Vec load(const float* from) { return _mm256_loadu_ps(from); }
inline void store(float* to, Vec x) { _mm256_storeu_ps(to, x); }
inline Word word(const Number* from) { return load(from); }
inline Word repeat(const Number* from) { return _mm256_broadcast_ss(from); }
inline Vec dot(Word a, Word b, Vec sum) { return fma(a, b, sum); }
inline float single(Number x) { return x; }
inline Number number(float x) { return x; }

inline bool any(Ints mask) { return _mm256_movemask_ps((Vec)mask); }
inline float total(Vec x) {
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}
inline Vec sums(Vec (&of)[LANES]) {
  UNROLL for (int i = 0; i < 4; ++i) of[i] = _mm256_hadd_ps(of[2 * i], of[2 * i + 1]);
  UNROLL for (int i = 0; i < 2; ++i) of[i] = _mm256_hadd_ps(of[2 * i], of[2 * i + 1]);
  return _mm256_permute2f128_ps(of[0], of[1], 0x20) + _mm256_permute2f128_ps(of[0], of[1], 0x31);
}

#endif

// e^x to 2e-7 of itself: 2^n times a polynomial on [-ln 2 / 2, ln 2 / 2] (Taylor, degree 7).
inline Vec exponential(Vec x) {
  x = x < splat(-87.0f) ? splat(-87.0f) : x;
  x = x > splat(88.0f) ? splat(88.0f) : x;
  const Vec shift = splat(12582912.0f);  // 1.5 * 2^23: adding it rounds to whole numbers
  const Vec biased = fma(x, splat(1.44269504f), shift), n = biased - shift;
  const Vec r = fma(n, splat(2.12194440e-4f), fma(n, splat(-0.693359375f), x));  // ln 2 in two
  Vec y = splat(1.0f / 5040);
  for (const float c : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f})
    y = fma(y, r, splat(c));
  return (Vec)((Ints)y + ((Ints)biased << 23));
}

// ln x to 2e-7 for positive x: the exponent, and of what is left, in [3 / 4, 3 / 2), twice the
// area tangent of (x - 1) / (x + 1) as its series.
inline Vec logarithm(Vec x) {
  const Ints half = (Ints)splat(0.75f);
  const Ints exponent = ((Ints)x - half) >> 23;
  const Vec left = (Vec)((Ints)x - (exponent << 23));
  const Vec s = (left - splat(1.0f)) / (left + splat(1.0f)), square = s * s;
  Vec y = splat(2.0f / 11);
  for (const float c : {2.0f / 9, 2.0f / 7, 2.0f / 5, 2.0f / 3, 2.0f})
    y = fma(y, square, splat(c));
  return fma(__builtin_convertvector(exponent, Vec), splat(0.69314718f), y * s);
}

inline float highest(Vec x) {
  float lanes[LANES];
  store(lanes, x);
  return *std::max_element(lanes, lanes + LANES);
}

inline Vec silu(Vec x) { return x / (splat(1.0f) + exponential(-x)); }

// out[row][block] = activations of a row times a block of LANES outputs. A block of weights is
// [words][LANES][DEPTH]; `stride` parts the rows of activations.
template <int ROWS, int BLOCKS>
void tile(const Number* weights, size_t words, const Number* rows, size_t stride, float* out) {
  Vec sum[ROWS][BLOCKS] = {};
  for (size_t k = 0; k < words; ++k) {
    Word w[BLOCKS];
    UNROLL for (int b = 0; b < BLOCKS; ++b) w[b] = word(weights + (b * words + k) * LANES * DEPTH);
    UNROLL for (int r = 0; r < ROWS; ++r) {
      const Word x = repeat(rows + r * stride + k * DEPTH);
      UNROLL for (int b = 0; b < BLOCKS; ++b) sum[r][b] = dot(w[b], x, sum[r][b]);
    }
  }
  UNROLL for (int r = 0; r < ROWS; ++r)
    UNROLL for (int b = 0; b < BLOCKS; ++b) store(out + (r * TILE_BLOCKS + b) * LANES, sum[r][b]);
}

// 1 / sqrt(mean square) of `width` values behind which zeros fill the last vector.
inline float inverse_rms(const float* x, int width, float eps) {
  Vec squares = splat(0);
  for (int i = 0; i < width; i += LANES) squares = fma(load(x + i), load(x + i), squares);
  return 1.0f / __builtin_sqrtf(total(squares) / width + eps);
}

// RMSNorm (arXiv 1910.07467); whole vectors are written.
inline void normalise(const float* x, const float* gain, int width, float eps, Number* out) {
  const Vec scale = splat(inverse_rms(x, width, eps));
  for (int i = 0; i < width; i += LANES) store(out + i, load(x + i) * scale * load(gain + i));
}

// QK-norm and rotary position (NeoX layout) of one head; cos, sin: [head_dim / 2].
inline void rotate(const float* x, const float* gain, int head_dim, float eps, const float* cos,
                   const float* sin, float factor, Number* out) {
  const Vec scale = splat(inverse_rms(x, head_dim, eps) * factor);
  const int half = head_dim / 2;
  for (int i = 0; i < half; i += LANES) {
    const Vec left = load(x + i) * load(gain + i) * scale;
    const Vec right = load(x + half + i) * load(gain + half + i) * scale;
    store(out + i, left * load(cos + i) - right * load(sin + i));
    store(out + half + i, right * load(cos + i) + left * load(sin + i));
  }
}

// out[i] = query . keys[i]; `out` is written in whole vectors.
template <int HEAD>
void scores(const Number* query, const Number* keys, int count, float* out) {
  constexpr int WORDS = HEAD / (LANES * DEPTH);
  for (int at = 0; at < count; at += LANES) {
    Vec found[LANES];
    UNROLL for (int j = 0; j < LANES; ++j) {
      const Number* key = keys + size_t(std::min(at + j, count - 1)) * HEAD;
      found[j] = splat(0);
      UNROLL for (int w = 0; w < WORDS; ++w)
        found[j] = dot(word(key + w * LANES * DEPTH), word(query + w * LANES * DEPTH), found[j]);
    }
    store(out + at, sums(found));
  }
}

// Whether so many numbers are all finite.
inline bool finite(const float* x, int count) {
  Vec sum = splat(0);  // of zeros, unless there is something that times 0 is not 0
  int i = 0;
  for (; i + LANES <= count; i += LANES) sum = fma(load(x + i), splat(0), sum);
  float rest = total(sum);
  for (; i < count; ++i) rest += x[i] * 0;
  return rest == 0;
}

// Scores become e^(score - greatest), in whole vectors; returns 1 / their sum.
inline float softmax(float* x, int count) {
  const int whole = (count + LANES - 1) / LANES * LANES;
  std::fill(x + count, x + whole, LOW);
  Vec greatest = splat(LOW), sum = splat(0);
  for (int i = 0; i < whole; i += LANES) {
    const Vec each = load(x + i);
    greatest = each > greatest ? each : greatest;
  }
  const Vec most = splat(highest(greatest));
  for (int i = 0; i < whole; i += LANES) {
    const Vec each = exponential(load(x + i) - most);
    store(x + i, each);
    sum = sum + each;
  }
  return 1.0f / total(sum);
}

// sum[h][0 : SLICE] += shares[h][i] * values[i][0 : SLICE] over all i
template <int HEADS>
void mix(const float* shares, size_t shares_stride, const Number* values, size_t stride, int count,
         float* out, size_t out_stride) {
  constexpr int VECS = SLICE / LANES;
  Vec sum[HEADS][VECS];
  UNROLL for (int h = 0; h < HEADS; ++h)
    UNROLL for (int v = 0; v < VECS; ++v) sum[h][v] = load(out + h * out_stride + v * LANES);
  for (int i = 0; i < count; ++i) {
    Vec value[VECS];
    UNROLL for (int v = 0; v < VECS; ++v) value[v] = load(values + i * stride + v * LANES);
    UNROLL for (int h = 0; h < HEADS; ++h) {
      const Vec share = splat(shares[h * shares_stride + i]);
      UNROLL for (int v = 0; v < VECS; ++v) sum[h][v] = fma(share, value[v], sum[h][v]);
    }
  }
  UNROLL for (int h = 0; h < HEADS; ++h)
    UNROLL for (int v = 0; v < VECS; ++v) store(out + h * out_stride + v * LANES, sum[h][v]);
}

}  // namespace native
