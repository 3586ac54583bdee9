// Threads that share out the items of one loop at a time. They sleep between steps: a thread that
// has not woken up yet is not waited for, the caller does its share.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace native {

class Pool {
 public:
  // As many threads as the system gives, if those are fewer.
  explicit Pool(int threads) {
    try {
      for (int worker = 1; worker < threads; ++worker)
        helpers_.emplace_back([this, worker] { help(worker); });
    } catch (const std::exception&) {
    }
    threads_ = 1 + int(helpers_.size());  // before the first round, so helpers see no other
  }

  ~Pool() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stopped_ = true;
    }
    awake_.notify_all();
    for (auto& helper : helpers_) helper.join();
  }

  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int threads() const { return threads_; }

  // work(begin, end, worker) over ranges that make up 0 .. count; returns when all are done.
  template <class Work>
  void run(int count, const Work& work) {
    if (threads_ == 1 || count == 1) return work(0, count, 0);
    const uint64_t last = ticket_.load() >> 32 << 32;
    ticket_ = last | NONE;  // whoever still looks at the last round takes nothing of this one
    call_ = [](const void* context, int begin, int end, int worker) {
      (*static_cast<const Work*>(context))(begin, end, worker);
    };
    context_ = &work;
    count_ = count;
    done_ = 0;
    ticket_ = last + NEXT;
    const auto round = uint32_t((last + NEXT) >> 32);
    if (sleeping_) wake();
    share(round, 0);
    for (int turn = 0; done_.load(std::memory_order_acquire) < count; ++turn) pause(turn);
  }

 private:
  static constexpr int SPINS = 1000;  // about 20 us
  static constexpr uint64_t NONE = 0x7fffffff;  // more items than there ever are
  static constexpr uint64_t NEXT = uint64_t(1) << 32;  // from a round to the one after it

  static void pause(int turn) {
    turn < SPINS ? _mm_pause() : std::this_thread::yield();
  }

  void wake() {
    const std::lock_guard<std::mutex> lock(mutex_);
    sleeping_ = false;
    awake_.notify_all();
  }

  // Take ranges of this round until none is left: large ones first, so that few are taken and all
  // end together. Before a round's fields are written its ticket is closed, so a ticket that is still
  // the same after they were read proves that they belong to it.
  void share(uint32_t round, int worker) {
    uint64_t ticket = ticket_.load(std::memory_order_acquire);
    while (ticket >> 32 == round) {
      const int count = count_.load(std::memory_order_acquire), next = int(uint32_t(ticket));
      if (next >= count) return;
      const int size = std::max(1, (count - next) / (2 * threads_));
      const Call call = call_.load(std::memory_order_acquire);
      const void* context = context_.load(std::memory_order_acquire);
      if (!ticket_.compare_exchange_weak(ticket, ticket + size)) continue;
      call(context, next, next + size, worker);
      done_.fetch_add(size, std::memory_order_release);
      ticket = ticket_.load(std::memory_order_acquire);
    }
  }

  void help(int worker) {
    for (uint32_t seen = 0;;) {
      for (int turn = 0; ticket_.load(std::memory_order_acquire) >> 32 == seen; ++turn) {
        if (turn < SPINS) {
          _mm_pause();
          continue;
        }
        std::unique_lock<std::mutex> lock(mutex_);
        awake_.wait(lock, [&] {
          sleeping_ = true;  // each time anew, for `wake` may come late, when it sleeps again
          return stopped_ || ticket_.load() >> 32 != seen;
        });
        if (stopped_) return;
      }
      seen = uint32_t(ticket_.load(std::memory_order_acquire) >> 32);
      share(seen, worker);
    }
  }

  using Call = void (*)(const void*, int, int, int);
  int threads_ = 1;
  std::atomic<Call> call_{nullptr};
  std::atomic<const void*> context_{nullptr};
  std::atomic<int> count_{0}, done_{0};
  std::atomic<bool> sleeping_{false};  // true of nobody costs a `wake`, false of one a helper
  std::atomic<uint64_t> ticket_{0};  // round << 32 | first item that nobody has taken
  bool stopped_ = false;
  std::mutex mutex_;
  std::condition_variable awake_;
  std::vector<std::thread> helpers_;
};

}  // namespace native
