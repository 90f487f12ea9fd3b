// Memory for hash tables of many megabytes: zeros, and in huge pages where the system has them, which a probe
// finds without a walk through page tables, and which are cleared 2 MiB at a time.  Used by deduplicate.
#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <utility>

namespace tamis::transforms {

/// `size` objects of zeros.  `T` is trivial.
template <typename T>
class LargeTable {
 public:
  explicit LargeTable(size_t size) : size_(size) {
    void* memory =
        mmap(nullptr, size * sizeof(T), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    // Small pages do as well, only slower.
    if (size * sizeof(T) >= (size_t{2} << 20)) madvise(memory, size * sizeof(T), MADV_HUGEPAGE);
    slots_ = static_cast<T*>(memory);
  }
  ~LargeTable() { munmap(slots_, size_ * sizeof(T)); }
  LargeTable(const LargeTable&) = delete;
  LargeTable& operator=(const LargeTable&) = delete;

  size_t size() const { return size_; }
  T& operator[](size_t i) { return slots_[i]; }
  const T& operator[](size_t i) const { return slots_[i]; }
  void swap(LargeTable& other) {
    std::swap(size_, other.size_);
    std::swap(slots_, other.slots_);
  }

 private:
  size_t size_;
  T* slots_ = nullptr;
};

}  // namespace tamis::transforms
