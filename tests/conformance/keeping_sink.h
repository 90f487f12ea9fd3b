// Sinks that keep what is written, with Elasticsearch's external versions: what one run wrote, and what is
// there in the end.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "core/base/json.h"
#include "tasks/sinks/sink.h"

namespace tamis::conformance {

struct Written {
  std::string task_id, index, id, body;
  int64_t version = -1;
};

/// What all sinks of a case hold.  Thread-safe.
class Store {
 public:
  void write(sinks::Purpose purpose, const std::string& task_id, const records::DocumentBatch& batch);
  /// Forgets what was written since the last call, and returns it: one entry for each document, however often
  /// it was written. With `wrong`: what differed between writings that must be equal.
  std::vector<Written> take(sinks::Purpose purpose, std::vector<std::string>& wrong);
  /// What the sinks hold now.
  std::vector<Written> held(sinks::Purpose purpose) const;

 private:
  struct Side {
    std::vector<Written> written;
    std::map<std::tuple<std::string, std::string, std::string>, Written> held;
  };
  mutable std::mutex mutex_;
  std::map<sinks::Purpose, Side> sides_;
};

std::unique_ptr<sinks::Sink> make_keeping_sink(std::shared_ptr<Store> store,
                                               const sinks::SinkContext& context);

}  // namespace tamis::conformance
