// Reads back what sinks have written, for the api's `/data`.  One implementation a store that can be asked.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/connections.h"
#include "core/base/json.h"
#include "core/base/time.h"

namespace tamis::sinks {

struct DataQuery {
  std::string target;                                        ///< an index (or pattern) or a table
  std::optional<base::Instant> from, to;                     ///< of `@timestamp`: from is included, to is not
  std::vector<std::pair<std::string, std::string>> filters;  ///< field equals value, all of them
  size_t limit = 100;                                        ///< rows of a page
  std::string cursor;       ///< DataPage::next_cursor of the page before; empty at first
  bool descending = false;  ///< newest first
};

struct DataPage {
  std::vector<base::Json> rows;  ///< the documents, `_id` added
  std::string next_cursor;       ///< empty: this was the last page
  std::optional<int64_t> total;  ///< how many there are in all, when the store knows
};

/// Thread-safe.  Throws NotFound for an unknown target (with the nearest right name), UserError for a wrong
/// cursor or field, TransientError when the store can't be reached.
class DataReader {
 public:
  virtual ~DataReader() = default;
  virtual DataPage read(const DataQuery& query) = 0;
  /// The indices or tables there are, in the order of their names.
  virtual std::vector<std::string> targets() = 0;
};

std::unique_ptr<DataReader> make_elasticsearch_reader(const base::ElasticsearchConnection& connection);
/// `path`: the database file; it need not exist yet.
std::unique_ptr<DataReader> make_sqlite_reader(std::string path);

}  // namespace tamis::sinks
