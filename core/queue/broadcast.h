// Messages to everybody who listens, by pub/sub as kombu's fanout exchanges do it: events and remote control.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "core/base/json.h"
#include "core/redis/client.h"

namespace tamis::queue {

/// The channel of a fanout exchange: `/0.celery.pidbox`, `/0.celeryev/worker.heartbeat`.
std::string broadcast_channel(const redis::Client& redis, std::string_view exchange,
                              std::string_view routing_key = {});

/// The envelope around `body`.
std::string encode_broadcast(const base::Json& body, const base::Json& headers, std::string_view exchange,
                             std::string_view routing_key, int delivery_mode);
/// The body of such an envelope; empty when it is none that can be read.
std::optional<base::Json> decode_broadcast(std::string_view envelope);

}  // namespace tamis::queue
