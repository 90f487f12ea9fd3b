#include "tasks/pipeline/documents.h"

#include <algorithm>

#include "core/base/hash.h"
#include "core/base/json.h"
#include "tasks/pipeline/json_text.h"

namespace tamis::pipeline {
namespace {

/// The row's own number in `source` and in its id.
int64_t number_of(const records::Record& record, bool by_line) {
  return by_line ? record.line : record.offset;
}

/// Where a JSON string that begins at `at` ends (behind its quote).
size_t string_end(std::string_view json, size_t at) {
  for (++at; at < json.size() && json[at] != '"'; ++at)
    if (json[at] == '\\') ++at;
  return std::min(at + 1, json.size());
}

/// Where the value at `at` ends: at the comma behind it, or at the end.
size_t value_end(std::string_view json, size_t at) {
  int depth = 0;
  while (at < json.size()) {
    const char c = json[at];
    if (c == '"') {
      at = string_end(json, at);
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (c == ',' && depth == 0) break;
    ++at;
  }
  return at;
}

}  // namespace

/// The end of `bytes` as a place to write to.  Grown before each row by what the row can need at most.
struct DocumentBuilder::Buffer {
  std::string& bytes;
  size_t used = 0;

  char* room(size_t size) {
    if (bytes.size() - used < size) bytes.resize(std::max(bytes.size() * 2, used + size + 4096));
    return bytes.data() + used;
  }
  void end(const char* to) { used = static_cast<size_t>(to - bytes.data()); }
};

DocumentBuilder::DocumentBuilder(const EtlSpec& spec, const SinkSpec& sink,
                                 const sources::Provenance& provenance)
    : target_(sink.target), provenance_(provenance), has_time_(spec.has_time) {
  for (const auto& field : spec.layout.fields) {
    std::string key(text_bound(field.name.size()) + 2, ' ');
    key[0] = ',';
    char* end = write_text(key.data() + 1, field.name);
    *end++ = ':';
    key.resize(static_cast<size_t>(end - key.data()));
    fixed_size_ += key.size() + number_bound;
    parts_.push_back({std::move(key), field.type, field.column});
  }
  for (const auto& name : sink.id)
    if (const auto* field = spec.layout.find(name)) id_parts_.push_back({"", field->type, field->column});
  if (spec.fields.keep_unknown) {
    taken_ = {"@timestamp", "source"};
    for (const auto& field : spec.layout.fields) taken_.push_back(field.name);
    std::sort(taken_.begin(), taken_.end());
  }
  fixed_size_ += provenance_.before.size() + provenance_.id_before.size() + 256;
}

size_t DocumentBuilder::bound(const records::Batch& batch, uint32_t row) const {
  size_t size = fixed_size_;
  for (const auto& part : parts_)
    if (part.type == records::Type::keyword && batch.columns[part.column].valid[row] != 0)
      size += text_bound(batch.columns[part.column].texts[row].size());
  for (const auto& part : id_parts_)
    if (part.type == records::Type::keyword && batch.columns[part.column].valid[row] != 0)
      size += batch.columns[part.column].texts[row].size() + 16;
    else
      size += 16;
  if (!taken_.empty() && !batch.unknown.empty()) size += batch.unknown[row].size() + 1;
  return size;
}

void DocumentBuilder::write_id(const records::Batch& batch, uint32_t row, Buffer& buffer,
                               records::DocumentBatch::Entry& entry) const {
  const auto& record = batch.input.records[row];
  char* const begin = buffer.bytes.data() + buffer.used;
  char* to = begin;
  bool derived = !id_parts_.empty();
  for (const auto& part : id_parts_) derived = derived && batch.columns[part.column].valid[row] != 0;
  if (derived) {
    // The values one after the other, each with its type and its size, so that ("a", "bc") and ("ab", "c")
    // differ.
    for (const auto& part : id_parts_) {
      const auto& column = batch.columns[part.column];
      *to++ = static_cast<char>(part.type);
      if (part.type == records::Type::keyword) {
        const uint64_t size = column.texts[row].size();
        std::memcpy(to, &size, 8);
        to = write_raw(to + 8, column.texts[row]);
      } else if (part.type == records::Type::double_) {
        const double value = column.doubles[row] == 0 ? 0.0 : column.doubles[row];
        std::memcpy(to, &value, 8);
        to += 8;
      } else {
        std::memcpy(to, &column.longs[row], 8);
        to += 8;
      }
    }
    char hex[32];
    base::hash128_hex({begin, static_cast<size_t>(to - begin)}, hex);
    to = write_raw(begin, {hex, sizeof hex});
    const uint64_t tie_break = base::hash64(provenance_.id_before, static_cast<uint64_t>(record.offset));
    entry.version = has_time_ ? latest_version(batch.event_time[row], tie_break) : record.offset;
  } else {
    to = write_long(write_raw(begin, provenance_.id_before), record.offset);
  }
  entry.id = buffer.used;
  entry.id_size = static_cast<uint32_t>(to - begin);
  buffer.end(to);
}

char* DocumentBuilder::write_unknown(char* to, std::string_view members) const {
  for (size_t at = 0; at < members.size();) {
    const size_t key_end = string_end(members, at);
    const size_t end = value_end(members, key_end);
    const std::string_view written = members.substr(at, key_end - at);
    const std::string_view member = members.substr(at, end - at);
    at = end + 1;
    bool is_taken = false;
    if (written.find('\\') == std::string_view::npos) {
      const std::string_view name = written.substr(1, written.size() - 2);
      is_taken = std::binary_search(taken_.begin(), taken_.end(), name, std::less<>());
    } else {
      // Rare: a name with escapes is compared as what it stands for.
      const auto name = base::Json::parse(written, nullptr, false);
      is_taken = name.is_string() &&
                 std::binary_search(taken_.begin(), taken_.end(), name.get_ref<const std::string&>());
    }
    if (is_taken) continue;
    *to++ = ',';
    to = write_raw(to, member);
  }
  return to;
}

void DocumentBuilder::build(const records::Batch& batch, records::DocumentBatch& out) const {
  Buffer buffer{out.bytes};
  std::vector<std::pair<int64_t, uint32_t>> names;  // granules of event time seen, with their index; sorted
  int64_t last_granule = 0;
  uint32_t last_index = 0;
  const auto index_of = [&](base::Instant time) {
    const int64_t granule = target_.granule(time);
    if (!out.indices.empty() && granule == last_granule) return last_index;
    last_granule = granule;
    const auto at = std::lower_bound(names.begin(), names.end(), std::pair(granule, uint32_t{0}));
    if (at != names.end() && at->first == granule) return last_index = at->second;
    std::string name = target_.at(time);
    const auto known = std::find(out.indices.begin(), out.indices.end(), name);
    last_index = static_cast<uint32_t>(known - out.indices.begin());
    if (known == out.indices.end()) out.indices.push_back(std::move(name));
    names.insert(at, {granule, last_index});
    return last_index;
  };
  const auto rows = static_cast<uint32_t>(batch.size());
  for (uint32_t row = 0; row < rows; ++row) {
    const auto& record = batch.input.records[row];
    if (batch.state[row] != records::RowState::live || record.is_lookback) continue;
    buffer.room(bound(batch, row));
    records::DocumentBatch::Entry entry;
    entry.row = row;
    entry.index = index_of(has_time_ ? batch.event_time[row] : base::Instant{});
    write_id(batch, row, buffer, entry);
    char* const begin = buffer.bytes.data() + buffer.used;
    char* to = begin;
    if (has_time_) {
      to = write_time(write_raw(to, "{\"@timestamp\":"), batch.event_time[row]);
      *to++ = ',';
    } else {
      *to++ = '{';
    }
    to = write_raw(write_raw(to, "\"source\":"), provenance_.before);
    to = write_long(to, number_of(record, provenance_.by_line));
    *to++ = '}';
    for (const auto& part : parts_) {
      const auto& column = batch.columns[part.column];
      if (column.valid[row] == 0) continue;
      to = write_raw(to, part.key);
      switch (part.type) {
        case records::Type::keyword:
          to = write_text(to, column.texts[row]);
          break;
        case records::Type::long_:
          to = write_long(to, column.longs[row]);
          break;
        case records::Type::double_:
          to = write_double(to, column.doubles[row]);
          break;
        case records::Type::boolean:
          to = write_raw(to, column.longs[row] != 0 ? "true" : "false");
          break;
        case records::Type::timestamp:
          to = write_time(to, base::Instant(base::Duration(column.longs[row])));
          break;
      }
    }
    if (!taken_.empty() && !batch.unknown.empty() && !batch.unknown[row].empty())
      to = write_unknown(to, batch.unknown[row]);
    *to++ = '}';
    entry.body_size = static_cast<uint32_t>(to - begin);
    buffer.end(to);
    out.entries.push_back(entry);
  }
  out.bytes.resize(buffer.used);
}

int64_t latest_version(base::Instant time, uint64_t tie_break) {
  // Years 0000 to 9999 have 2^58.1 microseconds: the 142 years from 1970 get ten bits to break ties, the
  // others what is left.
  constexpr int64_t common = int64_t{1} << 52;
  const int64_t micros = time.time_since_epoch().count();
  const auto tie = [&](int bits) { return static_cast<int64_t>(tie_break & ((uint64_t{1} << bits) - 1)); };
  if (micros < 0) {
    const int64_t from_oldest = std::max<int64_t>(0, micros + (int64_t{1} << 56));
    return (from_oldest << 5) + tie(5);
  }
  if (micros < common) return (int64_t{1} << 61) + (micros << 10) + tie(10);
  const int64_t beyond = std::min(micros - common, (int64_t{1} << 58) - 1);
  return (int64_t{1} << 61) + (int64_t{1} << 62) + (beyond << 3) + tie(3);
}

RejectBuilder::RejectBuilder(const sources::Provenance& provenance, const std::string& dag_id,
                             const std::string& run_id, const std::string& task_id)
    : provenance_(provenance) {
  tail_ = ",\"dag_id\":" + base::Json(as_utf8(dag_id)).dump() +
          ",\"run_id\":" + base::Json(as_utf8(run_id)).dump() +
          ",\"task_id\":" + base::Json(as_utf8(task_id)).dump() + "}";
}

void RejectBuilder::add(const records::Record& record, const records::Rejection& rejection,
                        records::DocumentBatch& out) const {
  const bool is_text = is_utf8(record.bytes);
  const std::string message = is_utf8(rejection.message) ? rejection.message : as_utf8(rejection.message);
  const size_t begin = out.bytes.size();
  out.bytes.resize(begin + text_bound(record.bytes.size()) + text_bound(message.size()) +
                   text_bound(rejection.field.size()) + provenance_.before.size() +
                   provenance_.id_before.size() + tail_.size() + 256);
  records::DocumentBatch::Entry entry;
  entry.row = rejection.row;
  entry.id = begin;
  char* const id = out.bytes.data() + begin;
  char* to = write_long(write_raw(id, provenance_.id_before), record.offset);
  entry.id_size = static_cast<uint32_t>(to - id);
  char* const body = to;
  to = write_text(write_raw(to, "{\"reason\":"), records::reason_name(rejection.reason));
  if (!rejection.field.empty()) to = write_text(write_raw(to, ",\"field\":"), rejection.field);
  to = write_text(write_raw(to, ",\"message\":"), message);
  if (is_text)
    to = write_text(write_raw(to, ",\"raw\":"), record.bytes);
  else
    to = write_text(write_raw(to, ",\"raw_base64\":"), base64(record.bytes));
  to = write_long(write_raw(write_raw(to, ",\"source\":"), provenance_.before),
                  number_of(record, provenance_.by_line));
  *to++ = '}';
  to = write_raw(to, tail_);
  entry.body_size = static_cast<uint32_t>(to - body);
  out.bytes.resize(static_cast<size_t>(to - out.bytes.data()));
  out.entries.push_back(entry);
}

base::Json RejectBuilder::kept(const records::Record& record, const records::Rejection& rejection) const {
  // Results are stored for every task instance, so a huge raw text is cut there (never in a rejects sink).
  constexpr size_t raw_kept = 16 << 10;
  records::Record shown = record;
  if (shown.bytes.size() > raw_kept) {
    size_t size = raw_kept;
    while (size > raw_kept - 4 && (static_cast<unsigned char>(shown.bytes[size]) & 0xC0) == 0x80) --size;
    shown.bytes = shown.bytes.substr(0, size);
  }
  records::DocumentBatch one;
  add(shown, rejection, one);
  auto json = base::Json::parse(one.body(one.entries[0]));
  if (shown.bytes.size() != record.bytes.size()) json["raw_size"] = record.bytes.size();
  return json;
}

}  // namespace tamis::pipeline
