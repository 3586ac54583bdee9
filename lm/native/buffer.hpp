// Memory that is read from end to end at every step: large pages where the system has them, which
// make such reading a third faster.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace native {

constexpr size_t LARGE = size_t(2) << 20;

// Have large pages there; what lies on others is moved. Where the system has none, nothing happens.
inline void enlarge_pages([[maybe_unused]] void* from, [[maybe_unused]] size_t bytes) {
#ifdef __linux__
  const uintptr_t begin = (reinterpret_cast<uintptr_t>(from) + LARGE - 1) / LARGE * LARGE;
  const uintptr_t end = (reinterpret_cast<uintptr_t>(from) + bytes) / LARGE * LARGE;
  if (begin >= end) return;
  constexpr int COLLAPSE = 25;  // MADV_COLLAPSE (Linux 6.1), newer than many a header
  for (const int advice : {MADV_HUGEPAGE, COLLAPSE})
    madvise(reinterpret_cast<void*>(begin), end - begin, advice);
#endif
}

// Zeros that begin on a large page, or on a cache line if they are few.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(size_t size) { grow(size); }
  ~Buffer() { free(); }
  Buffer(Buffer&& other) noexcept { *this = std::move(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(at_, other.at_);
    std::swap(size_, other.size_);
    return *this;
  }

  // At least so many; what it held is lost when it has to grow.
  void grow(size_t size) {
    if (size <= size_) return;
    free();
    at_ = static_cast<T*>(::operator new(size * sizeof(T), alignment(size)));
    size_ = size;
    std::memset(static_cast<void*>(at_), 0, size * sizeof(T));
    enlarge_pages(at_, size * sizeof(T));
  }

  T* operator+(size_t offset) const { return at_ + offset; }
  T& operator[](size_t i) const { return at_[i]; }

 private:
  static std::align_val_t alignment(size_t size) {
    return std::align_val_t(size * sizeof(T) >= LARGE ? LARGE : 64);
  }

  void free() {
    if (at_) ::operator delete(at_, alignment(size_));
    at_ = nullptr;
    size_ = 0;
  }

  T* at_ = nullptr;
  size_t size_ = 0;
};

}  // namespace native
