// Documents on their way in one bulk request, and the request's body.  Used by BulkWriter.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/records/document.h"

namespace tamis::sinks {

/// What every id must be within; a longer one makes the server refuse the whole request.
inline constexpr size_t bulk_max_id = 512;

/// Documents that share a request.  They may come from several batches, which live as long as this does.
struct Bulk {
  struct Place {
    uint32_t batch = 0, entry = 0;
  };
  std::vector<std::shared_ptr<const records::DocumentBatch>> batches;
  std::vector<Place> places;
  size_t bytes = 0;                              ///< what the documents take in a body, about
  int attempt = 0;                               ///< tries before this one
  std::chrono::steady_clock::time_point born{};  ///< when the first try began

  const records::DocumentBatch& batch(const Place& place) const { return *batches[place.batch]; }
  const records::DocumentBatch::Entry& entry(const Place& place) const {
    return batches[place.batch]->entries[place.entry];
  }
  /// The index of the first document: the request's own, so that most action lines need none.
  const std::string& index() const { return batch(places.front()).index(entry(places.front())); }

  /// Adds a document.
  void add(const std::shared_ptr<const records::DocumentBatch>& from, uint32_t entry);
  /// The same documents by their places in `wanted`, ascending.
  Bulk part(const std::vector<uint32_t>& wanted) const;
  /// [from, to) of the documents.
  Bulk range(size_t from, size_t to) const;
};

/// What one document adds to a body, about.
size_t bulk_bytes(const records::DocumentBatch::Entry& entry);

/// Writes the body: an action and a document a line.  A body that holds line ends between its members gets
/// blanks for them.
void write_bulk(const Bulk& bulk, std::string& body);

/// `{"type":…,"reason":…}` and the like: JSON text of a string, quotes included.
void append_json_text(std::string& out, std::string_view text);

}  // namespace tamis::sinks
