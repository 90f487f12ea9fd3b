// Where records come from.  A source is planned by the scheduler (into slices) and read by workers (one slice
// at a time). Each kind is one file that declares itself as data, and one line in registry.cc.
#pragma once
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "core/base/connections.h"
#include "core/base/json.h"
#include "core/base/node.h"
#include "core/base/schema.h"
#include "core/records/record.h"
#include "core/records/slice.h"

namespace tamis::sources {

/// What a source needs beside its own parameters.
struct SourceContext {
  base::Connections connections;
  std::string folder = ".";  ///< of the DAG file; relative paths start here
};

struct PlanRequest {
  base::Json cursor;         ///< what the run before left in Plan::cursor; null at first
  base::Interval interval;   ///< the run's data interval
  bool by_interval = false;  ///< read what belongs to the interval instead of going on from the cursor
};

struct Plan {
  std::vector<records::Slice> slices;  ///< in the order of map_index
  base::Json cursor;                   ///< where the next run begins
};

/// How documents tell where a record came from: `before` + number + `}` is the `source` object, `id_before` +
/// offset the id.
struct Provenance {
  std::string before;     ///< `{"topic":"t","partition":2,"offset":` or `{"file":"a.jsonl","line":`
  std::string id_before;  ///< `t-2-` or `a.jsonl-`
  bool by_line = false;   ///< the number in `source` is the line, not the offset
  bool has_time = false;  ///< records carry a timestamp (Kafka's)
};

/// What became of the offsets that held no record.
struct ReadReport {
  int64_t holes = 0;                      ///< transaction markers, compaction
  base::Json lost = base::Json::array();  ///< with on_data_loss: record; objects with start and end
};

/// Reads one slice, once.  Used by one thread at a time.
class Reader {
 public:
  virtual ~Reader() = default;
  /// Fills `batch` with up to `max` records, the same ones in every attempt; returns false when there was none
  /// left, and only that is the slice's end. Lookback records come first and are marked.  Throws TransientError, or UserError (unknown topic,
  /// lost data).
  virtual bool read(records::RecordBatch& batch, size_t max, const std::stop_token& stop) = 0;
  virtual Provenance provenance() const = 0;
  /// The header's names when records are lines of CSV; empty for JSON.  Valid once open.
  virtual std::vector<std::string> csv_header() const { return {}; }
  /// Valid after the last read.
  virtual ReadReport report() const { return {}; }
};

class Source {
 public:
  virtual ~Source() = default;
  virtual Plan plan(const PlanRequest& request) = 0;
  /// `lookback`: how many offsets (files: records) before the slice's start are read first, if they are
  /// there.
  virtual std::unique_ptr<Reader> open(const records::Slice& slice, int64_t lookback) = 0;
};

struct SourceKind {
  std::string name;  ///< the word in DAG files
  std::string summary;
  base::Keys keys;
  /// What the table can't say; the keys have been checked.
  std::function<void(const base::Node& parameters, base::Findings&)> check;
  std::function<std::unique_ptr<Source>(const base::Node& parameters, const SourceContext&)> make;
  bool has_time = false;  ///< its records carry a timestamp, so that windows need no `event_time:`
};

const std::vector<SourceKind>& source_kinds();
const SourceKind* find_source(std::string_view name);

}  // namespace tamis::sources
