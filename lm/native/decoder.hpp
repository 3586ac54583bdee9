// A Qwen3-shaped GPT with packed weights, and one step of it: some tokens of some slots at once.
// It knows addresses and sizes; whoever calls it has checked both (module.cpp).
#pragma once

#include <array>
#include <mutex>

#include "buffer.hpp"
#include "kernels.hpp"
#include "pool.hpp"

namespace native {

constexpr int PAIR = 2;  // blocks; the least that a thread takes, a gate and what it opens

using Tile = void (*)(const Number*, size_t, const Number*, size_t, float*);
template <int BLOCKS>
constexpr Tile TILES[TILE_ROWS]{tile<1, BLOCKS>, tile<2, BLOCKS>, tile<3, BLOCKS>,
                                tile<4, BLOCKS>, tile<5, BLOCKS>, tile<6, BLOCKS>};

inline int padded(int width) { return (width + PAIR * LANES - 1) / (PAIR * LANES) * PAIR * LANES; }

// Weights [outputs][inputs] as blocks of LANES outputs, inputs innermost by DEPTH, zeros around.
struct Matrix {
  int blocks;
  size_t words;
  Number* data = nullptr;

  Matrix(int outputs, int inputs)
      : blocks(padded(outputs) / LANES), words((inputs + DEPTH - 1) / DEPTH) {}

  size_t size() const { return size_t(blocks) * words * LANES * DEPTH; }

  // Have the weights there; returns where they end.
  Number* lie(Number* at) { return (data = at) + size(); }

  // Rows from `weights` go to every `step`th block from `block` on.
  void pack(const Number* weights, int outputs, int inputs, int block = 0, int step = 1) {
    for (int n = 0; n < outputs; ++n) {
      Number* to = data + (size_t(block + n / LANES * step) * words * LANES + n % LANES) * DEPTH;
      for (int k = 0; k < inputs; ++k)
        to[size_t(k / DEPTH) * LANES * DEPTH + k % DEPTH] = weights[size_t(n) * inputs + k];
    }
  }
};

struct Shape {
  int vocab, layers, width, heads, kv_heads, head_dim, inner;
  float eps;
};

// What a step computes: tokens, each with the slot it belongs to and its place there. Those of one
// slot see each other in their order.
struct Batch {
  std::vector<int64_t> tokens, positions, slots, at, bases, base_lengths;
  std::vector<Number*> keys, values;  // per layer: [slots][kv_heads][span][head_dim]
  int64_t span;
  const float *cos, *sin;  // [positions][head_dim / 2]
  std::vector<int> wanted;  // the tokens whose scores are, rising
  float* logits;            // [wanted][vocab]; where there are none, only the caches are filled

  int rows() const { return int(tokens.size()); }

  // Only the tokens that are wanted.
  void narrow() {
    for (auto* each : {&tokens, &positions, &slots, &at, &bases, &base_lengths}) {
      for (size_t i = 0; i < wanted.size(); ++i) (*each)[i] = (*each)[wanted[i]];
      each->resize(wanted.size());
    }
  }
};

struct Layer {
  Matrix qkv, output, gate_up, down;
  Buffer<float> attention_gain, mlp_gain, query_gain, key_gain;

  std::array<Matrix*, 4> matrices() { return {&qkv, &output, &gate_up, &down}; }
};

class Decoder {
 public:
  // weights: as the Python model has them: embedding, PER_LAYER of each layer, last gain.
  Decoder(const Shape& shape, int threads, const std::vector<const Number*>& weights)
      : shape_(shape), pool_(threads), embedding_(weights[0]), head_(shape.vocab, shape.width),
        last_gain_(gain(weights.back(), shape.width)), scores_(pool_.threads()),
        mixed_(pool_.threads()) {
    size_t size = head_.size();
    for (int i = 0; i < shape.layers; ++i) {
      layers_.push_back(layer(&weights[1 + i * PER_LAYER]));
      for (const Matrix* each : layers_.back().matrices()) size += each->size();
    }
    packed_.grow(size);
    Number* to = packed_ + 0;
    for (int i = 0; i < shape.layers; ++i) {
      for (Matrix* each : layers_[i].matrices()) to = each->lie(to);
      pack(layers_[i], &weights[1 + i * PER_LAYER]);
    }
    head_.lie(to);
    head_.pack(embedding_, shape.vocab, shape.width);
  }

  static constexpr int PER_LAYER = 11;  // gain, q, k, v, o, gains of q and k, gain, gate, up, down

  void step(Batch& batch) {
    const std::lock_guard<std::mutex> lock(mutex_);
    reserve(batch);
    pool_.run((batch.rows() + ROWS - 1) / ROWS, [&](int begin, int end, int) {
      for (int row = begin * ROWS; row < std::min(end * ROWS, batch.rows()); ++row)
        for (int i = 0; i < width_; ++i) {  // zeros behind, whatever an earlier row left there
          const bool inside = i < shape_.width;
          hidden_[size_t(row) * width_ + i] =
              inside ? single(embedding_[batch.tokens[row] * shape_.width + i]) : 0.0f;
        }
    });
    for (int i = 0; i < shape_.layers; ++i) block(batch, i);
    if (!batch.logits) return;
    normalise_rows(batch, last_gain_);
    multiply(head_, normed_, width_, batch.rows(), [&](int row, int block, int blocks, float* x) {
      const int n = block * LANES, count = std::min(blocks * LANES, shape_.vocab - n);
      if (count > 0) std::memcpy(batch.logits + size_t(row) * shape_.vocab + n, x, count * 4);
    });
  }

  // Have the threads share out `count` items of something else; see Pool::run.
  template <class Work>
  void run(int count, const Work& work) {
    const std::lock_guard<std::mutex> lock(mutex_);
    pool_.run(count, work);
  }

  int threads() const { return pool_.threads(); }

 private:
  static constexpr int ROWS = 8;        // that one thread normalises at least
  static constexpr int POSITIONS = 64;  // attended over at a time: keys and values stay in L1

  static Buffer<float> gain(const Number* from, int width) {
    Buffer<float> found(padded(width));
    for (int i = 0; i < width; ++i) found[i] = single(from[i]);
    return found;
  }

  int query_width() const { return shape_.heads * shape_.head_dim; }
  int key_width() const { return shape_.kv_heads * shape_.head_dim; }

  Layer layer(const Number* const* w) const {
    const int width = shape_.width, queries = query_width();
    return {{queries + 2 * key_width(), width}, {width, queries},
            {2 * padded(shape_.inner), width}, {width, shape_.inner},
            gain(w[0], width), gain(w[7], width),
            gain(w[5], shape_.head_dim), gain(w[6], shape_.head_dim)};
  }

  void pack(Layer& layer, const Number* const* w) const {
    const int width = shape_.width, queries = query_width(), keys = key_width();
    layer.qkv.pack(w[1], queries, width);
    layer.qkv.pack(w[2], keys, width, queries / LANES);
    layer.qkv.pack(w[3], keys, width, (queries + keys) / LANES);
    layer.output.pack(w[4], width, queries);
    layer.gate_up.pack(w[8], shape_.inner, width, 0, PAIR);
    layer.gate_up.pack(w[9], shape_.inner, width, 1, PAIR);
    layer.down.pack(w[10], width, shape_.inner);
  }

  void reserve(const Batch& batch) {
    const size_t rows = batch.rows(), group = shape_.heads / shape_.kv_heads;
    hidden_.grow(rows * width_);
    normed_.grow(rows * width_);
    qkv_.grow(rows * qkv_width_);
    attended_.grow(rows * query_width());
    inner_.grow(rows * inner_width_);
    const int64_t longest = *std::max_element(batch.at.begin(), batch.at.end()) + 1;
    score_stride_ = (longest + 2 * LANES) / LANES * LANES;
    for (auto& each : scores_) each.grow(group * score_stride_);
    for (auto& each : mixed_) each.grow(group * shape_.head_dim * 2);
  }

  void block(Batch& batch, int i) {
    const Layer& layer = layers_[i];
    int rows = batch.rows();
    const auto add = [&](int row, int block, int blocks, const float* x) {
      float* to = hidden_ + size_t(row) * width_ + block * LANES;
      for (int b = 0; b < blocks * LANES; b += LANES) store(to + b, load(to + b) + load(x + b));
    };
    normalise_rows(batch, layer.attention_gain);
    multiply(layer.qkv, normed_, width_, rows, [&](int row, int block, int blocks, const float* x) {
      std::memcpy(qkv_ + size_t(row) * qkv_width_ + block * LANES, x, blocks * LANES * 4);
    });
    remember_rows(batch, i);
    if (i + 1 == shape_.layers) {  // from here on only those whose scores are wanted matter
      if (!batch.logits) return;
      narrow(batch);
      rows = batch.rows();
    }
    pool_.run(rows * shape_.kv_heads, [&](int begin, int end, int worker) {
      for (int item = begin; item < end; ++item)
        shape_.head_dim == 64 ? attend<64>(batch, i, item, worker)
                              : attend<128>(batch, i, item, worker);
    });
    multiply(layer.output, attended_, query_width(), rows, add);
    normalise_rows(batch, layer.mlp_gain);
    multiply(layer.gate_up, normed_, width_, rows, [&](int row, int block, int blocks, float* x) {
      Number* to = inner_ + size_t(row) * inner_width_ + block / PAIR * LANES;
      for (int b = 0; b < blocks / PAIR; ++b)
        store(to + b * LANES, silu(load(x + PAIR * b * LANES)) * load(x + (PAIR * b + 1) * LANES));
    });
    multiply(layer.down, inner_, inner_width_, rows, add);
  }

  // Drop the rows that are not wanted.
  void narrow(Batch& batch) {
    if (batch.wanted.size() == batch.tokens.size()) return;
    for (size_t to = 0; to < batch.wanted.size(); ++to) {  // rising: what is copied is still there
      const size_t row = batch.wanted[to];
      std::copy_n(hidden_ + row * width_, width_, hidden_ + to * width_);
      std::copy_n(qkv_ + row * qkv_width_, qkv_width_, qkv_ + to * qkv_width_);
    }
    batch.narrow();
  }

  void normalise_rows(const Batch& batch, const Buffer<float>& gain) {
    pool_.run((batch.rows() + ROWS - 1) / ROWS, [&](int begin, int end, int) {
      for (size_t row = begin * ROWS; row < size_t(std::min(end * ROWS, batch.rows())); ++row)
        normalise(hidden_ + row * width_, gain + 0, shape_.width, shape_.eps,
                  normed_ + row * width_);
    });
  }

  // use(row, block, blocks, products) for all outputs of all rows, some blocks at a time.
  template <class Use>
  void multiply(const Matrix& matrix, const Buffer<Number>& from, size_t stride, int rows,
                const Use& use) {
    const int tiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
    pool_.run(matrix.blocks / PAIR, [&](int begin, int end, int) {
      alignas(64) float out[TILE_ROWS * TILE_BLOCKS * LANES];
      for (int block = begin * PAIR, blocks; block < end * PAIR; block += blocks) {
        blocks = std::min(TILE_BLOCKS, end * PAIR - block);
        const Number* weights = matrix.data + size_t(block) * matrix.words * LANES * DEPTH;
        for (int t = 0; t < tiles; ++t) {
          const int row = rows * t / tiles, count = rows * (t + 1) / tiles - row;
          (blocks == PAIR ? TILES<PAIR> : TILES<TILE_BLOCKS>)[count - 1](
              weights, matrix.words, from + row * stride, stride, out);
          for (int r = 0; r < count; ++r)
            use(row + r, block, blocks, out + r * TILE_BLOCKS * LANES);
        }
      }
    });
  }

  // Where the keys (or values) of a head in a slot begin.
  size_t place(const Batch& batch, int64_t slot, int head) const {
    return (slot * shape_.kv_heads + head) * batch.span * shape_.head_dim;
  }

  // Keys, rotated, and values of the new tokens go where they will be seen.
  void remember_rows(const Batch& batch, int layer) {
    const int head_dim = shape_.head_dim;
    pool_.run((batch.rows() + ROWS - 1) / ROWS, [&](int begin, int end, int) {
      for (int row = begin * ROWS; row < std::min(end * ROWS, batch.rows()); ++row)
        for (int head = 0; head < shape_.kv_heads; ++head) {
          const size_t to = place(batch, batch.slots[row], head) + batch.at[row] * head_dim;
          const float* key = qkv_ + size_t(row) * qkv_width_ + query_width() + head * head_dim;
          const size_t angles = batch.positions[row] * head_dim / 2;
          rotate(key, layers_[layer].key_gain + 0, head_dim, shape_.eps, batch.cos + angles,
                 batch.sin + angles, 1.0f, batch.keys[layer] + to);
          for (int i = 0; i < head_dim; i += LANES)
            store(batch.values[layer] + to + i, load(key + key_width() + i));
        }
    });
  }

  // One row's queries that share a key head.
  template <int HEAD>
  void attend(const Batch& batch, int layer, int item, int worker) {
    const int row = item / shape_.kv_heads, head = item % shape_.kv_heads;
    const int group = shape_.heads / shape_.kv_heads;
    const int64_t at = batch.at[row], shared = batch.base_lengths[row];
    const size_t own = place(batch, batch.slots[row], head);
    const size_t base = place(batch, batch.bases[row], head);
    const Number *keys = batch.keys[layer], *values = batch.values[layer];
    float *score = scores_[worker] + 0, *sum = mixed_[worker] + 0;
    const float* qkv = qkv_ + size_t(row) * qkv_width_;
    const size_t angles = batch.positions[row] * HEAD / 2;
    Number* attended = attended_ + size_t(row) * query_width() + head * group * HEAD;
    for (int g = 0; g < group; ++g)  // each query lies where its result will
      rotate(qkv + (head * group + g) * HEAD, layers_[layer].query_gain + 0, HEAD, shape_.eps,
             batch.cos + angles, batch.sin + angles, 1.0f / __builtin_sqrtf(HEAD),
             attended + g * HEAD);
    in_parts(shared, at + 1, [&](int64_t from, int count) {
      const Number* seen = keys + (from < shared ? base : own) + from * HEAD;
      for (int g = 0; g < group; ++g)
        scores<HEAD>(attended + g * HEAD, seen, count, score + g * score_stride_ + from);
    });
    float* scale = sum + group * HEAD;
    for (int g = 0; g < group; ++g) scale[g] = softmax(score + g * score_stride_, int(at + 1));
    std::fill(sum, sum + group * HEAD, 0.0f);
    in_parts(shared, at + 1, [&](int64_t from, int count) {
      const Number* seen = values + (from < shared ? base : own) + from * HEAD;
      mix_heads<HEAD>(score + from, seen, count, group, sum);
    });
    for (int g = 0; g < group; ++g)
      for (int i = 0; i < HEAD; i += LANES)
        store(attended + g * HEAD + i, load(sum + g * HEAD + i) * splat(scale[g]));
  }

  // use(from, count) over 0 .. end in order; no part lies on both sides of `shared`.
  template <class Use>
  static void in_parts(int64_t shared, int64_t end, const Use& use) {
    for (int64_t from = 0, to; from < end; from = to) {
      to = std::min(from + POSITIONS, from < shared ? shared : end);
      use(from, int(to - from));
    }
  }

  template <int HEAD>
  void mix_heads(const float* shares, const Number* values, int count, int group, float* sum) {
    for (int slice = 0; slice < HEAD; slice += SLICE) {
      int g = 0;
      for (; g + MIX_HEADS <= group; g += MIX_HEADS)
        mix<MIX_HEADS>(shares + g * score_stride_, score_stride_, values + slice, HEAD, count,
                       sum + g * HEAD + slice, HEAD);
      for (; g < group; ++g)
        mix<1>(shares + g * score_stride_, score_stride_, values + slice, HEAD, count,
               sum + g * HEAD + slice, HEAD);
    }
  }

  const Shape shape_;
  const int width_ = padded(shape_.width);
  const int qkv_width_ = padded((shape_.heads + 2 * shape_.kv_heads) * shape_.head_dim);
  const int inner_width_ = padded(shape_.inner);
  Pool pool_;
  std::mutex mutex_;  // one step at a time: they share what follows
  const Number* embedding_;
  Matrix head_;
  Buffer<float> last_gain_;
  std::vector<Layer> layers_;
  Buffer<Number> packed_;  // all matrices, in the order in which a step reads them
  Buffer<float> hidden_, qkv_;               // [rows][width_], [rows][qkv_width_]
  Buffer<Number> normed_, attended_, inner_;  // [rows][width_], [query_width()], [inner_width_]
  std::vector<Buffer<float>> scores_, mixed_;  // per thread
  size_t score_stride_ = 0;
};

}  // namespace native
