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
  int priority = 0;  ///< 0 is served first; 0-2, 3-5, 6-8 and 9 are four lists
  int retries = 0;
  std::optional<base::Instant> eta, expires;
  std::string root_id, parent_id, group;
  std::string reply_to, origin;
  std::optional<double> soft_time_limit, time_limit;  ///< seconds
  std::optional<bool> ignore_result;                  ///< none: as the task says
  /// Of a decoded message all headers and properties as they came, which encode() keeps but for what the
  /// fields above say otherwise; of a new one what is to stand beside the usual ones.
  base::Json headers = base::Json::object();
  base::Json properties = base::Json::object();

  bool is_redelivered() const;
  /// What goes into the Redis list.  A message without a delivery tag among its properties gets a new one.
  std::string encode() const;
  /// Reads protocol 2 and 1; bodies in JSON, plain or base64, zlib or zstd.  Throws UserError with what is
  /// wrong: not JSON, no id, another serializer, …
  static TaskMessage decode(std::string_view envelope);
  /// The task's id in an envelope that decode() may refuse; empty when there is none.
  static std::string id_of(std::string_view envelope);
};

/// What kombu puts between a queue's name and its priority, and between the parts of a binding.
inline constexpr std::string_view separator = "\x06\x16";
/// The priorities that have a list of their own.
inline constexpr int priority_steps[] = {0, 3, 6, 9};
/// The Redis list (without key prefix) of a queue's messages of this priority: `etl`, `etl\x06\x163`, …
std::string list_name(std::string_view queue, int priority);
/// The queue that a list belongs to.
std::string_view queue_of(std::string_view list);

}  // namespace tamis::queue
