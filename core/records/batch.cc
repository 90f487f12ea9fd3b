#include "core/records/batch.h"

#include <algorithm>
#include <cstring>

namespace tamis::records {

std::string_view type_name(Type type) {
  static constexpr std::string_view names[] = {"keyword", "long", "double", "boolean", "timestamp"};
  return names[static_cast<size_t>(type)];
}

std::string_view reason_name(Reason reason) {
  static constexpr std::string_view names[] = {
      "too_large",  "malformed_json",   "malformed_csv", "not_an_object", "missing_field",
      "null_field", "wrong_type",       "bad_timestamp", "out_of_range",  "not_in_enum",
      "too_long",   "pattern_mismatch", "late",          "sink_refused"};
  static_assert(std::size(names) == reason_count);
  return names[static_cast<size_t>(reason)];
}

void Column::resize(Type of_type, size_t rows) {
  type = of_type;
  valid.resize(rows);
  switch (type) {
    case Type::keyword:
      texts.resize(rows);
      break;
    case Type::double_:
      doubles.resize(rows);
      break;
    default:
      longs.resize(rows);
  }
}

char* Arena::allocate(size_t bytes) {
  while (block_ < blocks_.size() && used_ + bytes > blocks_[block_].size) {
    ++block_;
    used_ = 0;
  }
  if (block_ == blocks_.size()) {
    const size_t size = std::max<size_t>(bytes, 64 << 10);
    blocks_.push_back({std::make_unique_for_overwrite<char[]>(size), size});
    used_ = 0;
  }
  char* at = blocks_[block_].bytes.get() + used_;
  used_ += bytes;
  return at;
}

std::string_view Arena::copy(std::string_view text) {
  if (text.empty()) return {};
  char* at = allocate(text.size());
  std::memcpy(at, text.data(), text.size());
  return {at, text.size()};
}

void Arena::clear() {
  block_ = used_ = 0;
}

const Layout::Field* Layout::find(std::string_view name) const {
  for (const auto& field : fields)
    if (field.name == name) return &field;
  return nullptr;
}

void Batch::clear() {
  input.clear();
  state.clear();
  event_time.clear();
  passed.clear();
  nulled.clear();
  unknown.clear();
  rejections.clear();
  for (auto& hashes : key_hashes) hashes.clear();
  arena.clear();
}

}  // namespace tamis::records
