#include "core/queue/events.h"

#include <unistd.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/time.h"
#include "core/queue/broadcast.h"

namespace tamis::queue {

using base::Json;

Events::Events(std::shared_ptr<redis::Client> redis, std::string node)
    : redis_(std::move(redis)), node_(std::move(node)) {}

void Events::send(std::string_view type, const Json& fields) {
  Json event = {{"hostname", node_}, {"utcoffset", 0}, {"pid", getpid()}, {"clock", ++clock_}};
  for (const auto& [name, value] : fields.items()) event[name] = value;
  event["timestamp"] = std::chrono::duration<double>(base::now().time_since_epoch()).count();
  event["type"] = type;
  std::string key(type);
  std::replace(key.begin(), key.end(), '-', '.');
  try {
    redis_->run({"PUBLISH", broadcast_channel(*redis_, "celeryev", key),
                 encode_broadcast(event, {{"hostname", node_}}, "celeryev", key, 1)},
                redis::Client::Repeat::no);
  } catch (const base::Error& error) {
    base::log_debug("event dropped", {{"type", type}, {"error", error.what()}});
  }
}

}  // namespace tamis::queue
