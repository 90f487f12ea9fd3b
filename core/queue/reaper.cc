#include "core/queue/reaper.h"

#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/queue/message.h"

namespace tamis::queue {

using base::Json;

std::optional<base::Duration> reap(Broker& broker, Results& results) {
  const auto restored = broker.restore();
  if (restored.given_back > 0) {
    static auto given_back =
        base::counter("tamis_queue_restored_total", "messages of dead workers that were given back");
    given_back.add(static_cast<double>(restored.given_back));
    base::log_warn("messages of dead workers given back", {{"messages", restored.given_back}});
  }
  for (const auto& delivery : restored.poisonous)
    bury_with_result(
        broker, results, delivery, "WorkerLostError",
        fmt::format("{} workers died while they ran it; it is not tried again", delivery.losses));
  return restored.next_eta;
}

void bury_with_result(Broker& broker, Results& results, const Delivery& delivery, const std::string& type,
                      const std::string& reason) {
  if (const auto id = TaskMessage::id_of(delivery.envelope); !id.empty()) {
    TaskResult result;
    result.id = id;
    result.state = State::failure;
    result.result = {{"exc_type", type}, {"exc_message", Json::array({reason})}, {"exc_module", "tamis"}};
    result.traceback = type + ": " + reason;
    results.store(result);
  }
  if (!broker.bury(delivery, reason)) return;
  static auto buried = base::counter("tamis_queue_dead_letters_total", "messages that could not be run");
  buried.add();
  base::log_error("message buried",
                  {{"queue", delivery.queue}, {"reason", reason}, {"key", "tamis:dead:" + delivery.queue}});
}

}  // namespace tamis::queue
