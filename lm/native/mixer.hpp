// What a mixture makes of its GPT's scores, with n-grams of the latest tokens and recency as
// lm/models/kneser_ney.py and recency.py have them, voices as in voices.py, and shares as in
// weights.py. It knows addresses and sizes, which whoever calls it has checked (module.cpp); what a
// cache holds is checked here.
#pragma once

#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

#include "kernels.hpp"

namespace native {

constexpr int DIGITS = 3;  // as which a cache holds a token id, the lowest first,
constexpr int BASE = 256;  // to this base (lm/models/token_cache.py)
constexpr int REACH = 4;   // tokens of the longest context that n-grams know

// KneserNey's tables. Context 0 is the empty one.
struct Ngrams {
  int64_t count;            // of the other contexts
  const int64_t* contexts;  // [count] parent * vocab + oldest token, of context i at i - 1; rising
  const int64_t* ends;      // [count + 1] of each context's entries
  const int64_t* entries;   // context * vocab + token
  const float* shares;      // of each entry
  const double* backoffs;   // [count + 1] what each context leaves to its parent
  const float* base;        // [vocab] p behind the empty context
};

// What followed the latest `depth` tokens in the context and `reach` tokens before it.
struct Memory {
  int64_t reach;
  int depth;
};

constexpr Memory MEMORIES[] = {{0, 0},    {0, 1},    {0, 2},     {4096, 0},
                               {4096, 1}, {4096, 2}, {65536, 1}, {65536, 2}};
constexpr int REMEMBERED = int(std::size(MEMORIES));
constexpr int EXPECTING = REACH + REMEMBERED;    // parts that may expect nothing
constexpr int OWN = 1 + EXPECTING + REMEMBERED;  // figures of what the parts know
constexpr int COMMON = 128;                      // tokens whose chances are figures, too
constexpr int FIGURES = OWN + COMMON;    // of a place, by which the parts get their shares
constexpr float WIDEST = 8.0f;           // of the logarithm of a part's share against the GPT's
constexpr float RAREST = 2.0611536e-9f;  // p in a figure: e^-20

// What is added to scores by whose message goes on.
struct Voices {
  const float* boosts;  // [vocab - end - 2][vocab], of nobody in particular first; or null
  int end;              // END, behind which BREAK, SOMEONE and the speakers come

  // Behind the latest of some tokens; null where nothing is added.
  const float* behind(const int64_t* tokens, int64_t latest, int vocab) const {
    if (!boosts) return nullptr;
    while (latest >= 0 && tokens[latest] < end) --latest;
    const int64_t row = latest < 0 ? 0 : tokens[latest] - end - 2;
    return row > 0 && row < vocab - end - 2 ? boosts + row * vocab : nullptr;
  }
};

// What decides on the shares.
struct Weights {
  const float* tables;    // [1 + EXPECTING][1 + FIGURES] of n-grams, of those of each length, and
                          // of each memory
  const int64_t* common;  // [COMMON] token ids
};

// What was said before a row; ids that are none are looked at, but never said.
struct Before {
  const int64_t* tokens;
  int64_t count;
};

// Where a row's tokens are: in its own slot, the first `shared` of them in another one.
struct Tokens {
  Number *own, *base;         // [span][DIGITS]
  int64_t shared, at, count;  // the newest stands at `at`, and so many are new

  void remember(const int64_t* tokens) const {
    for (int64_t t = 0; t < count; ++t) {
      Number* to = own + (at - count + 1 + t) * DIGITS;
      int64_t rest = tokens[t];
      for (int i = 0; i < DIGITS; ++i, rest /= BASE) to[i] = number(rest % BASE);
    }
  }

  // -1 where no token was ever stored.
  int64_t operator[](int64_t i) const {
    const Number* from = (i < shared ? base : own) + i * DIGITS;
    int64_t token = 0;
    for (int d = DIGITS - 1; d >= 0; --d) {
      const float digit = single(from[d]);
      if (!(digit >= 0 && digit < BASE)) return -1;
      token = token * BASE + int(digit);
    }
    return token;
  }
};

class Mixer {
 public:
  Mixer(const Ngrams& ngrams, int vocab, const Voices& voices, const Weights& weights)
      : ngrams_(ngrams), vocab_(vocab), voices_(voices), weights_(weights) {}

  // How often one token followed.
  struct Followed {
    int token, count;
  };

  // What a thread works with.
  struct Scratch {
    std::vector<float> p;
    std::vector<int64_t> context;
    std::vector<int64_t> places[2];              // behind the latest token, behind the latest two
    std::vector<Followed> followed[REMEMBERED];  // each token once
    std::vector<int> at;                         // 1 + where a token is in one of those, or 0
  };

  Scratch scratch(int64_t span) const {
    Scratch found;
    found.p.resize((vocab_ + LANES - 1) / LANES * LANES);
    found.context.resize(span);
    found.at.resize(vocab_);
    return found;
  }

  // Scores [vocab] become ln p of the mixture, or of the GPT alone; none is a number if any was none.
  void mix(float* scores, const Tokens& tokens, const Before& before, bool alone,
           Scratch& scratch) const {
    if (!finite(scores, vocab_)) return std::fill(scores, scores + vocab_, NAN);
    int64_t *context = scratch.context.data(), nodes[REACH + 1];
    for (int64_t i = 0; i <= tokens.at; ++i) context[i] = tokens[i];
    float* p = scratch.p.data();
    std::memcpy(p, scores, vocab_ * sizeof(float));
    if (const float* boosts = voices_.behind(context, tokens.at, vocab_))
      for (int i = 0; i < vocab_; ++i) p[i] += boosts[i];
    const float scale = softmax(p, vocab_);
    if (alone) {
      for (int i = 0; i < vocab_; ++i) p[i] *= scale;
    } else {
      const int known = match(context, tokens.at, nodes);
      const Heard heard{before, context, tokens.at};
      find(heard, scratch);
      float figures[FIGURES] = {std::log(scale)};
      float *kinds = figures + 1, *came = kinds + EXPECTING;
      int64_t counts[REMEMBERED];
      for (int i = 1; i <= known; ++i)
        kinds[i - 1] = logarithm_of(ngrams_.ends[nodes[i]] - ngrams_.ends[nodes[i] - 1]);
      for (int i = 0; i < REMEMBERED; ++i) {
        counts[i] = recall(heard, MEMORIES[i], scratch, scratch.followed[i]);
        kinds[REACH + i] = logarithm_of(int64_t(scratch.followed[i].size()));
        came[i] = logarithm_of(counts[i]);
      }
      float *kind = figures + OWN, ratios[1 + EXPECTING], all_ratios = 1.0f;
      for (int i = 0; i < COMMON; ++i) kind[i] = std::max(p[weights_.common[i]] * scale, RAREST);
      for (int i = 0; i < COMMON; i += LANES) store(kind + i, logarithm(load(kind + i)));
      for (int i = 0; i <= EXPECTING; ++i) {
        const bool expects = i == 0 || kinds[i - 1] > 0.0f;
        ratios[i] = expects ? ratio(weights_.tables + i * (1 + FIGURES), figures) : 0.0f;
        all_ratios += ratios[i];
      }
      const float gpt = 1.0f / all_ratios;
      float shares[1 + EXPECTING];
      for (int i = 0; i <= EXPECTING; ++i) shares[i] = ratios[i] * gpt;
      add_ngrams(p, scale * gpt, nodes, known, shares);
      for (int i = 0; i < REMEMBERED; ++i)
        for (const Followed& one : scratch.followed[i])
          p[one.token] += shares[1 + REACH + i] / float(counts[i]) * float(one.count);
    }
    for (int i = 0; i < vocab_; i += LANES) store(p + i, logarithm(load(p + i)));
    std::memcpy(scores, p, vocab_ * sizeof(float));
  }

 private:
  // A part's share over the GPT's.
  static float ratio(const float* weights, const float* figures) {
    float found = weights[0];
    for (int i = 0; i < FIGURES; ++i) found += weights[1 + i] * figures[i];
    return std::exp(std::clamp(found, -WIDEST, WIDEST));
  }

  // ln of one more, as which a figure tells a count.
  static float logarithm_of(int64_t count) { return std::log(float(count + 1)); }

  // p becomes p * scale and the n-grams' shares, behind the longest of known contexts: of all of
  // them together, and of those of each length.
  void add_ngrams(float* p, float scale, const int64_t* nodes, int longest,
                  const float* shares) const {
    double left = shares[0];  // by longer contexts to this one
    for (int reach = longest; reach > 0; --reach) left *= ngrams_.backoffs[nodes[reach]];
    for (int i = 0; i < vocab_; ++i) p[i] = p[i] * scale + ngrams_.base[i] * float(left);
    for (int reach = 1; reach <= longest; ++reach) {
      const int64_t node = nodes[reach];
      left /= ngrams_.backoffs[node];
      const float each = float(left + shares[reach] / (1.0 - ngrams_.backoffs[node]));
      for (int64_t i = ngrams_.ends[node - 1]; i < ngrams_.ends[node]; ++i)
        p[ngrams_.entries[i] - node * vocab_] += ngrams_.shares[i] * each;
    }
  }

  // The known contexts of 1, 2, ... of the latest tokens; how many tokens the longest has.
  int match(const int64_t* tokens, int64_t at, int64_t* nodes) const {
    const int64_t *begin = ngrams_.contexts, *end = begin + ngrams_.count;
    nodes[0] = 0;
    for (int reach = 1; reach <= REACH && reach <= at + 1; ++reach) {
      const int64_t token = tokens[at + 1 - reach];
      const int64_t key = nodes[reach - 1] * vocab_ + token;
      const int64_t* found = std::lower_bound(begin, end, key);
      if (token < 0 || token >= vocab_ || found == end || *found != key) return reach - 1;
      nodes[reach] = found - begin + 1;
    }
    return int(std::min<int64_t>(REACH, at + 1));
  }

  // What was said before a row, and behind it the row itself.
  struct Heard {
    const Before& before;
    const int64_t* context;
    int64_t at;  // the newest stands there in the context

    int64_t last() const { return before.count + at; }
    int64_t operator[](int64_t i) const {
      return i < before.count ? before.tokens[i] : context[i - before.count];
    }
  };

  // Looks for tokens like the latest a block at a time: nearly all blocks have none.
  static void find(const Heard& heard, Scratch& scratch) {
    constexpr int64_t BLOCK = 64;
    auto &ones = scratch.places[0], &twos = scratch.places[1];
    ones.clear();
    const int64_t latest = heard.context[heard.at];
    const auto look = [&](const int64_t* tokens, int64_t count, int64_t from) {
      for (int64_t i = 0; i < count; i += BLOCK) {
        const int64_t end = std::min(count, i + BLOCK);
        int64_t left = 0;
        for (int64_t j = i; j < end; ++j) left += tokens[j] == latest;
        for (int64_t j = i; left; ++j)
          if (tokens[j] == latest) ones.push_back(from + j + 1), --left;
      }
    };
    look(heard.before.tokens, heard.before.count, 0);
    look(heard.context, heard.at, heard.before.count);
    twos.clear();
    for (const int64_t i : ones)
      if (i >= 2 && heard[i - 2] == heard[heard.last() - 1]) twos.push_back(i);
  }

  // How often each token followed, by one memory; how many did in all.
  int64_t recall(const Heard& heard, const Memory& memory, Scratch& scratch,
                 std::vector<Followed>& followed) const {
    followed.clear();
    const auto add = [&](int64_t token) {
      if (token < 0 || token >= vocab_) return;
      int& at = scratch.at[token];
      if (at == 0) followed.push_back({int(token), 0}), at = int(followed.size());
      ++followed[at - 1].count;
    };
    const int64_t start = heard.before.count - std::min(memory.reach, heard.before.count);
    int64_t count = 0;
    if (memory.depth == 0) {
      for (int64_t i = start; i <= heard.last(); ++i) add(heard[i]);
      count = heard.last() + 1 - start;
    } else {
      const auto& places = scratch.places[memory.depth - 1];
      const auto first = std::lower_bound(places.begin(), places.end(), start + memory.depth);
      for (auto place = first; place != places.end(); ++place) add(heard[*place]);
      count = places.end() - first;
    }
    for (const Followed& one : followed) scratch.at[one.token] = 0;
    return count;
  }

  const Ngrams ngrams_;
  const int vocab_;
  const Voices voices_;
  const Weights weights_;
};

}  // namespace native
