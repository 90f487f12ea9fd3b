#include "tasks/sinks/bulk_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace tamis::sinks {

size_t bulk_bytes(const records::DocumentBatch::Entry& entry) {
  return entry.id_size + entry.body_size + (entry.version >= 0 ? 80 : 24);
}

void Bulk::add(const std::shared_ptr<const records::DocumentBatch>& from, uint32_t entry) {
  if (batches.empty() || batches.back() != from) batches.push_back(from);
  places.push_back({static_cast<uint32_t>(batches.size() - 1), entry});
  bytes += bulk_bytes(from->entries[entry]);
}

Bulk Bulk::part(const std::vector<uint32_t>& wanted) const {
  Bulk out;
  out.attempt = attempt;
  out.born = born;
  for (const uint32_t i : wanted) out.add(batches[places[i].batch], places[i].entry);
  return out;
}

Bulk Bulk::range(size_t from, size_t to) const {
  Bulk out;
  out.attempt = attempt;
  out.born = born;
  for (size_t i = from; i < to; ++i) out.add(batches[places[i].batch], places[i].entry);
  return out;
}

void append_json_text(std::string& out, std::string_view text) {
  out += '"';
  size_t plain = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, plain, i - plain);
    if (c < 0x20)
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", c);
    else
      out.append({'\\', static_cast<char>(c)});
    plain = i + 1;
  }
  out.append(text, plain, text.size() - plain);
  out += '"';
}

void write_bulk(const Bulk& bulk, std::string& body) {
  body.clear();
  body.reserve(bulk.bytes + bulk.places.size() * 16);
  const std::string& index = bulk.index();
  for (const auto& place : bulk.places) {
    const auto& batch = bulk.batch(place);
    const auto& entry = bulk.entry(place);
    body += R"({"index":{"_id":)";
    append_json_text(body, batch.id(entry));
    if (const auto& own = batch.index(entry); own != index) {
      body += R"(,"_index":)";
      append_json_text(body, own);
    }
    if (entry.version >= 0) {
      body += R"(,"version_type":"external_gte","version":)";
      const fmt::format_int digits(entry.version);
      body.append(digits.data(), digits.size());
    }
    body += "}}\n";
    const std::string_view document = batch.body(entry);
    const size_t at = body.size();
    body += document;
    // In JSON a line end can only stand between tokens, where a blank means the same.
    if (std::memchr(document.data(), '\n', document.size()) != nullptr)
      std::replace(body.begin() + static_cast<std::ptrdiff_t>(at), body.end(), '\n', ' ');
    body += '\n';
  }
}

}  // namespace tamis::sinks
