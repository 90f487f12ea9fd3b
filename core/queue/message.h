// A Celery task message, protocol 2, and its envelope on the wire (kombu's Redis transport).  Written by the
// scheduler and by `tamis` clients, read by workers.  Field by field in docs/celery.md.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "core/base/time.h"

namespace tamis::queue {

struct TaskMessage {
  std::string id;    ///< the task's id (and the envelope's correlation_id)
  std::string task;  ///< its name, `tamis.etl`
  base::Json args = base::Json::array();
  base::Json kwargs = base::Json::object();
  base::Json embed;  ///< callbacks, errbacks, chain, chord; null: none
  std::string queue = "celery";
  int priority = 0;
  int retries = 0;
  std::optional<base::Instant> eta, expires;
  std::string root_id, parent_id, group;
  std::string reply_to, origin;
  std::optional<double> soft_time_limit, time_limit;  ///< seconds
  bool ignore_result = false;
  base::Json headers = base::Json::object();  ///< further headers, kept as they came
  base::Json properties = base::Json::object();

  /// What goes into the Redis list.
  std::string encode() const;
  /// Throws UserError with what is wrong: not JSON, no headers, unknown serializer or encoding, …
  static TaskMessage decode(std::string_view envelope);
};

}  // namespace tamis::queue
