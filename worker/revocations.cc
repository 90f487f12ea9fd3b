#include "worker/revocations.h"

#include <algorithm>

#include "core/base/log.h"
#include "core/base/time.h"
#include "core/queue/broadcast.h"
#include "core/queue/keys.h"

namespace tamis::worker {

using base::Json;

Revocations::Revocations(std::shared_ptr<redis::Client> redis, std::string node,
                         std::function<void(const std::string& id)> terminate)
    : redis_(std::move(redis)), node_(std::move(node)), terminate_(std::move(terminate)) {
  subscription_ = std::make_unique<redis::Subscription>(
      redis_->connection(), std::vector<std::string>{},
      std::vector<std::string>{queue::broadcast_channel(*redis_, "celery.pidbox")},
      [this](const std::string&, const std::string& envelope) { hear(envelope); });
}

Revocations::~Revocations() = default;

bool Revocations::contains(const std::string& id) const {
  return !redis_->run({"ZSCORE", redis_->key(queue::keys::revoked), id}).is_nil();
}

void Revocations::hear(const std::string& envelope) {
  const auto request = queue::decode_broadcast(envelope);
  if (!request || !request->is_object() || request->value("method", Json()) != "revoke") return;
  const auto destination = request->value("destination", Json());
  if (destination.is_array() &&
      std::find(destination.begin(), destination.end(), Json(node_)) == destination.end())
    return;
  const auto arguments = request->value("arguments", Json());
  if (!arguments.is_object()) return;
  const auto named = arguments.value("task_id", Json());
  const bool terminate = arguments.value("terminate", Json()) == true;
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(base::now().time_since_epoch()).count();
  for (const auto& id : named.is_array() ? named : Json::array({named})) {
    if (!id.is_string()) continue;
    base::log_info("task revoked", {{"id", id.get<std::string>()}, {"terminate", terminate}});
    redis_->run({"ZADD", redis_->key(queue::keys::revoked), std::to_string(now), id.get<std::string>()});
    if (terminate) terminate_(id.get<std::string>());
  }
}

}  // namespace tamis::worker
