// From scores over the vocabulary to one token, by the rules of lm/engine/sampling.py.
#pragma once

#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "kernels.hpp"

namespace native {

// A row's. `floor`: the lowest ln (p / p of the likeliest) that passes.
struct Rules {
  bool greedy;
  float temperature, top_p, floor, guidance;
  int64_t top_k;  // 0 keeps all
  std::vector<int64_t> banned;
  int64_t highest_banned = -1;
};

class Drawer {
 public:
  static constexpr size_t GROUP = 16;  // vectors; larger ones tell less, smaller ones are more
  static constexpr int64_t NONE = -1;  // scores are not all finite, or every token is banned

  explicit Drawer(int vocab) : vocab_(vocab), scores_((vocab + LANES - 1) / LANES * LANES) {}

  // The token at which more than the share `point` of what passes is reached, in vocabulary order.
  int64_t draw(const float* scores, const float* neutral, const Rules& rules, double point,
               const std::vector<int64_t>& also_banned) {
    std::copy(scores, scores + vocab_, scores_.begin());
    std::fill(scores_.begin() + vocab_, scores_.end(), scores[0]);
    float most = 0;
    if (!finite(most)) return NONE;
    std::fill(scores_.begin() + vocab_, scores_.end(), -INFINITY);
    for (const auto* banned : {&rules.banned, &also_banned})
      for (const int64_t token : *banned) scores_[token] = -INFINITY;
    if (!rules.banned.empty() || !also_banned.empty()) most = highest(scores_);
    if (most == -INFINITY) return NONE;
    for (float& x : scores_) x = (x - most) / rules.temperature;  // the likeliest is 0
    keep(rules);
    if (neutral && rules.guidance != 0 && !guide(scores, neutral, rules)) return NONE;
    return tokens_[rules.greedy ? likeliest() : reached(point)];
  }

  // ln p of a token among all, without any rules.
  float log_prob(const float* scores, int64_t token) {
    std::copy(scores, scores + vocab_, scores_.begin());
    std::fill(scores_.begin() + vocab_, scores_.end(), LOW);
    const float most = highest(scores_);
    return scores[token] - most + std::log(softmax(scores_.data(), int(scores_.size())));
  }

 private:
  static Vec higher(Vec a, Vec b) { return a > b ? a : b; }

  static float highest(Vec of) {
    float lanes[LANES];
    store(lanes, of);
    return *std::max_element(lanes, lanes + LANES);
  }

  // Of full vectors; NaN is ignored.
  static float highest(const std::vector<float>& of) {
    Vec found = load(of.data());
    for (size_t i = LANES; i < of.size(); i += LANES) found = higher(load(of.data() + i), found);
    return highest(found);
  }

  // Whether all scores are finite, and so is the distance between any two. `most`: the highest.
  bool finite(float& most) const {
    Vec sum = splat(0);  // of zeros, unless there is something that times 0 is not 0
    Vec high = load(scores_.data()), low = -high;
    for (size_t i = 0; i < scores_.size(); i += LANES) {
      const Vec each = load(scores_.data() + i);
      sum = fma(each, splat(0), sum);
      high = higher(each, high);
      low = higher(-each, low);
    }
    most = highest(high);
    return total(sum) == 0 && std::isfinite(most + highest(low));
  }

  // Whatever passes the filters. Equal scores stay or leave together.
  void keep(const Rules& rules) {
    const auto all = size_t(vocab_);
    const size_t most = rules.top_k && !rules.greedy ? std::min(size_t(rules.top_k), all) : all;
    if (rules.top_p < 1 && !rules.greedy)
      return keep_from(std::max(rules.floor, lowest_of_share(most, rules.top_p)));
    keep_from(most < all ? lowest_of(most, rules.floor) : rules.floor);
  }

  // Push what is kept away from neutral scores; false where that gives no numbers.
  bool guide(const float* scores, const float* neutral, const Rules& rules) {
    bool numbers = true;
    for (size_t i = 0; i < tokens_.size(); ++i) {
      kept_[i] += (scores[tokens_[i]] - neutral[tokens_[i]]) * rules.guidance / rules.temperature;
      numbers &= std::isfinite(kept_[i]);
    }
    return numbers;
  }

  // Without branches by score: half of them would be guessed wrong.
  void keep_from(float cutoff) {
    cutoff = std::max(cutoff, std::numeric_limits<float>::lowest());  // what is banned never passes
    tokens_.resize(scores_.size());
    kept_.resize(scores_.size());
    size_t count = 0;
    for (size_t i = 0; i < scores_.size(); i += LANES) {
      if (!any(load(scores_.data() + i) >= splat(cutoff))) continue;
      for (size_t j = i; j < i + LANES; ++j) {
        tokens_[count] = int64_t(j);
        kept_[count] = scores_[j];
        count += scores_[j] >= cutoff;
      }
    }
    tokens_.resize(count);
    kept_.resize(count);
  }

  // use(i) where a score is `low` at least; `low` may rise meanwhile.
  template <class Use>
  void for_each_from(const float& low, const Use& use) const {
    for (size_t i = 0; i < scores_.size(); i += LANES) {
      if (!any(load(scores_.data() + i) >= splat(low))) continue;
      for (size_t j = i; j < i + LANES; ++j)
        if (scores_[j] >= low) use(j);
    }
  }

  // A score that at least `count` reach, so that the search need not begin at the lowest: of the
  // highest in each of many groups the `count`th highest.
  float surely(size_t count) {
    highs_.clear();
    for (size_t i = 0; i < scores_.size();) {
      Vec high = load(scores_.data() + i);
      const size_t end = std::min(i + GROUP * LANES, scores_.size());
      for (i += LANES; i < end; i += LANES) high = higher(load(scores_.data() + i), high);
      highs_.resize(highs_.size() + LANES);
      store(&highs_[highs_.size() - LANES], high);
    }
    if (highs_.size() < count) return -INFINITY;
    std::nth_element(highs_.begin(), highs_.begin() + count - 1, highs_.end(), std::greater<>());
    return highs_[count - 1];
  }

  // The `count`th highest score, or `least` where fewer reach that. best_ then holds them, in no
  // order.
  float lowest_of(size_t count, float least) {
    const size_t room = std::max<size_t>(2 * count, 128);
    float low = std::max(least, surely(count));
    best_.clear();
    const auto shrink = [&] {
      std::nth_element(best_.begin(), best_.begin() + count - 1, best_.end(), std::greater<>());
      best_.resize(count);
      low = best_[count - 1];
    };
    for_each_from(low, [&](size_t i) {
      best_.push_back(scores_[i]);
      if (best_.size() == room) shrink();
    });
    if (best_.size() < count) return least;
    shrink();
    return low;
  }

  // The lowest of the highest scores that make up a share of the `most` highest.
  float lowest_of_share(size_t most, float share) {
    lowest_of(most, -INFINITY);
    std::sort(best_.begin(), best_.end(), std::greater<>());
    double whole = 0, sum = 0;
    for (const float x : best_) whole += std::exp(x);
    for (const float x : best_)
      if ((sum += std::exp(x)) >= share * whole) return x;
    return best_.back();
  }

  // Where the likeliest is kept, the first of equal ones.
  size_t likeliest() const {
    return std::max_element(kept_.begin(), kept_.end()) - kept_.begin();
  }

  // Where more than the share `point` is reached. What is kept become shares.
  size_t reached(double point) {
    const size_t count = kept_.size();
    kept_.resize((count + LANES - 1) / LANES * LANES, LOW);
    const Vec most = splat(highest(kept_));
    for (size_t i = 0; i < kept_.size(); i += LANES)
      store(&kept_[i], exponential(load(&kept_[i]) - most));
    double whole = 0, sum = 0;
    for (size_t i = 0; i < kept_.size(); i += LANES) whole += total(load(&kept_[i]));
    size_t block = 0;  // where it is reached
    for (; block + LANES < kept_.size(); block += LANES) {
      const double more = total(load(&kept_[block]));
      if (sum + more > point * whole) break;
      sum += more;
    }
    for (size_t i = block; i < std::min(block + LANES, count); ++i)
      if ((sum += kept_[i]) > point * whole) return i;
    return std::min(block + LANES, count) - 1;
  }

  const int vocab_;
  std::vector<float> scores_, best_, highs_;
  std::vector<int64_t> tokens_;  // that pass the filters, rising, and
  std::vector<float> kept_;      // their scores
};

}  // namespace native
