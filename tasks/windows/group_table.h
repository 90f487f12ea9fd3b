// Groups by window start and key: a flat hash table over rows that stay where they are.  A row is the group's
// state (8-aligned), then its start and key, so that one or two cache lines hold a small group.  Used by
// WindowSet and Merger; not thread-safe.
#pragma once
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "core/base/hash.h"
#include "core/base/short_bytes.h"

namespace tamis::windows {

class GroupTable {
 public:
  /// `empty` is the state of a new group; its size is a multiple of 8.
  explicit GroupTable(std::vector<char> empty);

  static uint64_t hash_key(std::string_view key) { return base::hash64(key); }
  /// The bits that the table uses of a key in a window.
  static uint32_t mix(uint64_t key_hash, int64_t start) {
    uint64_t h = (key_hash ^ (static_cast<uint64_t>(start) * 0x9E3779B97F4A7C15)) * 0xD6E8FEB86659FD93;
    h ^= h >> 32;
    return static_cast<uint32_t>((h * 0xD6E8FEB86659FD93) >> 32);
  }

  /// Brings the place of a hash near; then, some records later, the row that probably stands there.
  void prefetch_slot(uint32_t hash) const { __builtin_prefetch(&slots_[hash >> shift_]); }
  void prefetch_row(uint32_t hash) const {
    const uint64_t slot = slots_[hash >> shift_];
    if (slot == 0) return;
    const char* row = row_at(static_cast<uint32_t>(slot));
    __builtin_prefetch(row, 1);
    __builtin_prefetch(row + 64, 1);
  }

  /// The group's row, made when there is none.
  char* find_or_add(uint32_t hash, int64_t start, std::string_view key) {
    const size_t mask = slots_.size() - 1;
    for (size_t at = hash >> shift_;; at = (at + 1) & mask) {
      const uint64_t slot = slots_[at];
      if (slot == 0) return add(hash, start, key);
      if (static_cast<uint32_t>(slot >> 32) != hash) continue;
      char* row = row_at(static_cast<uint32_t>(slot));
      if (const auto held = key_of(row); start_of(row) == start && held.size() == key.size() &&
                                         base::same_bytes(held.data(), key.data(), key.size()))
        return row;
    }
  }

  size_t size() const { return count_; }
  size_t memory() const { return slots_.size() * sizeof(uint64_t) + chunks_.size() * chunk_size; }

  int64_t start_of(const char* row) const {
    int64_t start;
    std::memcpy(&start, row + state_size_, sizeof start);
    return start;
  }
  std::string_view key_of(const char* row) const {
    uint32_t size;
    std::memcpy(&size, row + state_size_ + 8, sizeof size);
    return {row + state_size_ + 12, size};
  }

  /// All rows in the order in which they were made.
  template <typename Visit>
  void each(Visit visit) const {
    for (size_t i = 0; i < segments_.size(); ++i) {
      const uint32_t end = i + 1 == segments_.size() ? next_ : segments_[i].end;
      for (uint32_t at = segments_[i].begin; at != end;) {
        const char* row = row_at(at);
        visit(row);
        at += row_units(key_of(row).size());
      }
    }
  }

  /// Forgets the groups, keeps some of the memory.
  void clear();

 private:
  static constexpr size_t unit = 8, chunk_size = size_t{1} << 20, chunk_units = chunk_size / unit;

  /// Rows that follow each other without a gap.
  struct Segment {
    uint32_t begin, end;
  };

  char* add(uint32_t hash, int64_t start, std::string_view key);
  void grow();
  char* row_at(uint32_t ref) const { return chunks_[ref / chunk_units] + (ref % chunk_units) * unit; }
  uint32_t row_units(size_t key_size) const {
    return static_cast<uint32_t>((state_size_ + 12 + key_size + unit - 1) / unit);
  }

  std::vector<char> empty_;
  size_t state_size_;
  size_t count_ = 0;
  int shift_ = 0;
  std::vector<uint64_t>
      slots_;  ///< hash << 32 | row; the hash's top bits are its place, so that growing reads no row
  std::vector<char*> chunks_;
  std::vector<std::unique_ptr<char[]>> owned_;
  std::vector<Segment> segments_;
  uint32_t next_ = 0, limit_ = 0;  ///< where the next row goes and where its room ends; row 0 is never used
};

}  // namespace tamis::windows
