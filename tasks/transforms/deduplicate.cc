#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>

#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/base/schema.h"
#include "core/base/short_bytes.h"
#include "core/base/suggest.h"
#include "tasks/transforms/kinds.h"
#include "tasks/transforms/large_table.h"

namespace tamis::transforms {
namespace {

using KeyHash = std::array<uint64_t, 2>;
using records::RowState;
using records::Type;

/// The keys that were seen, as their 128-bit hashes in one flat table: 16 bytes a key, at most 5/8 full, so
/// a slice of n records needs 26 to 103 bytes times n.
class Seen : public Transform::State {
 public:
  Seen() : slots_(size_t{1} << 15) {}

  void prefetch(const KeyHash& hash) const { __builtin_prefetch(&slots_[hash[0] & (slots_.size() - 1)], 1); }

  /// Whether `hash` was not there yet.
  bool insert(const KeyHash& hash) {
    if (size_ * 8 >= slots_.size() * 5) grow();
    Slot& slot = find({hash[0], hash[1]});
    if (!slot.is_empty()) return false;
    slot = {hash[0], hash[1]};
    ++size_;
    return true;
  }

 private:
  struct Slot {
    uint64_t low, high;
    bool is_empty() const { return (low | high) == 0; }
  };
  Slot& find(const Slot& key) {
    const size_t mask = slots_.size() - 1;
    size_t i = key.low & mask;
    while (!slots_[i].is_empty() && (slots_[i].low != key.low || slots_[i].high != key.high))
      i = (i + 1) & mask;
    return slots_[i];
  }
  void grow() {
    // Moving keys costs more than room as long as the table is small.
    LargeTable<Slot> old(slots_.size() * (slots_.size() < (size_t{1} << 20) ? 4 : 2));
    old.swap(slots_);
    for (size_t i = 0; i < old.size(); ++i)
      if (!old[i].is_empty()) find(old[i]) = old[i];
  }
  LargeTable<Slot> slots_;
  size_t size_ = 0;
};

class Deduplicate : public Transform {
 public:
  Deduplicate(std::vector<records::Layout::Field> keys, int64_t lookback, uint32_t list)
      : keys_(std::move(keys)), lookback_(lookback), list_(list) {}

  bool is_ordered() const override { return true; }
  std::unique_ptr<State> make_state() const override { return std::make_unique<Seen>(); }
  int64_t lookback() const override { return lookback_; }

  void prepare(records::Batch& batch) const override {
    if (batch.key_hashes.size() <= list_) batch.key_hashes.resize(list_ + 1);
    auto& hashes = batch.key_hashes[list_];
    hashes.resize(batch.size());
    thread_local std::vector<char> bytes;
    for (uint32_t row = 0; row < batch.size(); ++row)
      if (batch.state[row] == RowState::live) hashes[row] = hash(batch, row, bytes);
  }

  void run(records::Batch& batch, State* state) const override {
    if (batch.key_hashes.size() <= list_ || batch.key_hashes[list_].size() != batch.size()) prepare(batch);
    auto& seen = static_cast<Seen&>(*state);
    const auto& hashes = batch.key_hashes[list_];
    constexpr size_t ahead = 16;
    for (size_t row = 0; row < batch.size(); ++row) {
      if (row + ahead < batch.size()) seen.prefetch(hashes[row + ahead]);
      if (batch.state[row] == RowState::live && !seen.insert(hashes[row]))
        batch.state[row] = RowState::duplicate;
    }
  }

 private:
  /// Values one after the other, each with what tells where it ends, so that ("a", "bc") and ("ab", "c")
  /// differ.
  KeyHash hash(const records::Batch& batch, uint32_t row, std::vector<char>& bytes) const {
    size_t size = 0;
    const auto put = [&](const void* from, size_t n) {
      if (bytes.size() < size + n) bytes.resize((size + n) * 2);
      base::copy_short(bytes.data() + size, static_cast<const char*>(from), n);
      size += n;
    };
    for (const auto& key : keys_) {
      const records::Column& column = batch.columns[key.column];
      const uint8_t is_there = column.valid[row] != 0;
      put(&is_there, 1);
      if (is_there == 0) continue;
      if (key.type == Type::keyword) {
        const std::string_view text = column.texts[row];
        const uint64_t length = text.size();
        put(&length, sizeof length);
        if (length > 0) put(text.data(), text.size());
      } else if (key.type == Type::double_) {
        const double value = column.doubles[row] + 0.0;  // -0.0 equals 0
        put(&value, sizeof value);
      } else {
        put(&column.longs[row], sizeof(int64_t));
      }
    }
    const XXH128_hash_t h = XXH3_128bits(bytes.data(), size);
    // All zeros is the mark of an empty slot.
    return {h.low64, h.low64 == 0 && h.high64 == 0 ? 1 : h.high64};
  }

  std::vector<records::Layout::Field> keys_;
  int64_t lookback_;
  uint32_t list_;
};

const base::Keys& deduplicate_keys() {
  static const base::Keys keys = {
      "deduplicate",
      {{.name = "keys",
        .type = base::ValueType::texts,
        .summary = "the fields that make two records the same",
        .required = true},
       {.name = "lookback",
        .type = base::ValueType::integer,
        .summary = "how many offsets (files: records) before the slice's start are read for their keys",
        .min = 0,
        .max = 100e6,
        .default_text = "0"}}};
  return keys;
}

std::unique_ptr<Transform> compile(const base::Node& parameters, CompileContext& context,
                                   base::Findings& findings) {
  if (!base::check(parameters, deduplicate_keys(), findings)) return nullptr;
  const base::Node& names = *parameters.find("keys");
  const size_t errors = findings.error_count();
  if (names.items.empty()) findings.error(names.span, "missing_key", "deduplicate needs at least one key");
  std::vector<records::Layout::Field> keys;
  std::set<std::string> seen;
  for (const auto& item : names.items) {
    const auto* field = context.layout.find(item.text);
    if (field == nullptr)
      findings.error(item.span, "unknown_field",
                     fmt::format("there is no field \"{}\" here{}", item.text,
                                 base::did_you_mean(item.text, field_names(context.layout))));
    else if (!seen.insert(item.text).second)
      findings.error(item.span, "duplicate_field", fmt::format("\"{}\" is a key twice", item.text));
    else
      keys.push_back(*field);
  }
  if (findings.error_count() > errors) return nullptr;
  return std::make_unique<Deduplicate>(std::move(keys), base::integer_at(parameters, "lookback"),
                                       context.next_key_hashes++);
}

}  // namespace

TransformKind deduplicate_kind() {
  return {"deduplicate", "keeps the first of records with the same keys, in the order of offsets", compile,
          base::json_schema(deduplicate_keys())};
}

}  // namespace tamis::transforms
