// Memory for states that grow (texts, percentiles, distinct values): blocks of few sizes that are used again,
// freed all at once. Owned by a GroupTable's user; not thread-safe.
#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>
#include <memory>
#include <vector>

namespace tamis::windows {

class Pool {
 public:
  /// At least `bytes`, aligned to 16; what it really holds is `rounded(bytes)`.
  char* allocate(size_t bytes) {
    const size_t size = rounded(bytes);
    auto& free = free_[size_class(size)];
    if (free != nullptr) {
      char* block = free;
      std::memcpy(&free, block, sizeof free);
      return block;
    }
    if (size > chunk_size / 2) {
      memory_ += size;
      large_.push_back(std::make_unique_for_overwrite<char[]>(size));
      return large_.back().get();
    }
    if (used_ + size > chunk_size) {
      ++chunk_;
      used_ = 0;
    }
    if (chunk_ == chunks_.size()) {
      memory_ += chunk_size;
      chunks_.push_back(std::make_unique_for_overwrite<char[]>(chunk_size));
    }
    char* block = chunks_[chunk_].get() + used_;
    used_ += size;
    return block;
  }

  void release(char* block, size_t bytes) {
    auto& free = free_[size_class(rounded(bytes))];
    std::memcpy(block, &free, sizeof free);
    free = block;
  }

  /// Forgets all blocks, keeps the chunks.
  void clear() {
    free_.fill(nullptr);
    memory_ = chunks_.size() * chunk_size;
    large_.clear();
    chunk_ = used_ = 0;
  }

  size_t memory() const { return memory_; }
  /// Four sizes to a doubling, multiples of 16.
  static size_t rounded(size_t bytes) {
    if (bytes <= 64) return bytes <= 16 ? 16 : (bytes + 15) & ~size_t{15};
    const size_t step = std::bit_floor(bytes - 1) / 4;
    return (bytes + step - 1) & ~(step - 1);
  }

 private:
  /// Of a rounded size.
  static size_t size_class(size_t size) {
    if (size <= 64) return size / 16;
    const auto doubling = static_cast<size_t>(std::bit_width(size - 1)) - 1;
    return doubling * 4 + (size - (size_t{1} << doubling)) / ((size_t{1} << doubling) / 4);
  }

  static constexpr size_t chunk_size = 64 << 10;
  std::vector<std::unique_ptr<char[]>> chunks_, large_;
  size_t chunk_ = 0, used_ = 0, memory_ = 0;
  std::array<char*, 260> free_{};
};

}  // namespace tamis::windows
