// Where documents go.  Each kind is one file that declares itself as data, and one line in registry.cc.
#pragma once
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "core/base/connections.h"
#include "core/base/node.h"
#include "core/base/schema.h"
#include "core/records/document.h"

namespace tamis::sinks {

enum class Purpose { documents, windows, rejects };

/// What a sink needs beside its own parameters.
struct SinkContext {
  base::Connections connections;
  std::string folder = ".";  ///< of the DAG file
  std::string dag_id, run_id, task_id;
  std::string slice;  ///< Slice::name() of what is written; empty when it is no slice's (closed windows)
  Purpose purpose = Purpose::documents;
  records::Layout
      layout;  ///< fields of the documents (beside @timestamp, source, …), for mappings and tables
  bool unknown_fields = false;  ///< documents may hold members that `layout` does not name
  std::stop_token stop;
  records::OnRefused on_refused;
};

/// Writes documents.  Writing a document again, now or later, changes nothing: ids are derived and versions
/// compared. Called by one thread at a time; may work with threads of its own.
class Sink {
 public:
  virtual ~Sink() = default;
  /// Takes the batch over; may return before it is written, and blocks while too much is under way.
  virtual void write(std::shared_ptr<const records::DocumentBatch> batch) = 0;
  /// Returns when all that was written is safe (or refused).  Throws TransientError when some of it could not
  /// be written in time, UserError when it never can be (no permission, index closed, disk full is
  /// transient).
  virtual void finish() = 0;
};

struct SinkKind {
  std::string name;
  std::string summary;
  base::Keys keys;
  std::string
      target_key;  ///< which key names the target and may hold `{event_time:…}`: index, table, path, topic
  bool takes_id = false;  ///< knows `id: [fields]`
  std::function<void(const base::Node& parameters, base::Findings&)> check;
  std::function<std::unique_ptr<Sink>(const base::Node& parameters, const SinkContext&)> make;
};

const std::vector<SinkKind>& sink_kinds();
const SinkKind* find_sink(std::string_view name);

}  // namespace tamis::sinks
