#include "tasks/windows/group_table.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "core/base/error.h"

namespace tamis::windows {

GroupTable::GroupTable(std::vector<char> empty) : empty_(std::move(empty)), state_size_(empty_.size()) {
  clear();
}

void GroupTable::clear() {
  count_ = 0;
  slots_.assign(64, 0);
  if (slots_.capacity() > 65536) slots_.shrink_to_fit();
  shift_ = 32 - std::countr_zero(slots_.size());
  // The first chunk is kept: most tables that are used again stay small.
  if (owned_.size() > 1 || chunks_.size() > 1) {
    owned_.clear();
    chunks_.clear();
  }
  segments_.clear();
  next_ = limit_ = 0;
  if (!chunks_.empty()) {
    next_ = 1;
    limit_ = static_cast<uint32_t>(chunk_units);
    segments_.push_back({next_, next_});
  }
}

void GroupTable::grow() {
  std::vector<uint64_t> old(slots_.size() * 2);
  old.swap(slots_);
  --shift_;
  const size_t mask = slots_.size() - 1;
  for (const uint64_t slot : old) {
    if (slot == 0) continue;
    size_t at = static_cast<size_t>(slot >> 32) >> shift_;
    while (slots_[at] != 0) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

char* GroupTable::add(uint32_t hash, int64_t start, std::string_view key) {
  if ((count_ + 1) * 4 > slots_.size() * 3 && slots_.size() < (size_t{1} << 31)) grow();
  const uint32_t units = row_units(key.size());
  if (limit_ - next_ < units) {
    // A row larger than a chunk gets several that follow each other.
    const size_t chunks = (units + 1 + chunk_units - 1) / chunk_units;
    if ((chunks_.size() + chunks) * chunk_units > std::numeric_limits<uint32_t>::max())
      throw base::Error("the windows of one slice need more than 32 GiB: make slices smaller");
    owned_.push_back(std::make_unique_for_overwrite<char[]>(chunks * chunk_size));
    if (!segments_.empty()) segments_.back().end = next_;
    next_ = static_cast<uint32_t>(chunks_.size() * chunk_units);
    for (size_t i = 0; i < chunks; ++i) chunks_.push_back(owned_.back().get() + i * chunk_size);
    limit_ = static_cast<uint32_t>(chunks_.size() * chunk_units);
    if (next_ == 0) next_ = 1;
    segments_.push_back({next_, next_});
  }
  char* row = row_at(next_);
  if (!empty_.empty()) std::memcpy(row, empty_.data(), empty_.size());
  std::memcpy(row + state_size_, &start, sizeof start);
  const auto size = static_cast<uint32_t>(key.size());
  std::memcpy(row + state_size_ + 8, &size, sizeof size);
  if (size != 0) std::memcpy(row + state_size_ + 12, key.data(), size);

  const size_t mask = slots_.size() - 1;
  size_t at = hash >> shift_;
  while (slots_[at] != 0) at = (at + 1) & mask;
  slots_[at] = static_cast<uint64_t>(hash) << 32 | next_;
  next_ += units;
  ++count_;
  return row;
}

}  // namespace tamis::windows
