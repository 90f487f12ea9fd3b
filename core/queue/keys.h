// The names of all Redis keys of the queue, without the key prefix; docs/redis-keys.md says how to look at
// them.
#pragma once
#include <string>
#include <string_view>

namespace tamis::queue::keys {

// Celery's, where its own workers and tools look.
inline constexpr std::string_view unacked = "unacked";  ///< hash: delivery tag → [envelope, exchange, queue]
inline constexpr std::string_view unacked_index =
    "unacked_index";  ///< zset: delivery tag → when it was taken or renewed
inline constexpr std::string_view result_prefix = "celery-task-meta-";
inline constexpr std::string_view binding_prefix = "_kombu.binding.";
inline constexpr std::string_view permanent_binding_prefix = "_kombu.binding_permanent.";

// Ours.
inline constexpr std::string_view leases = "tamis:leases";  ///< zset: delivery tag → ms when its lease ends
inline constexpr std::string_view held = "tamis:held";      ///< hash: delivery tag → owner, line feed, list
inline constexpr std::string_view losses =
    "tamis:losses";                                   ///< hash: delivery tag → workers that died with it
inline constexpr std::string_view eta = "tamis:eta";  ///< zset: delivery tag → ms when it is due
inline constexpr std::string_view eta_messages =
    "tamis:eta:messages";  ///< hash: delivery tag → list, line feed, envelope
inline constexpr std::string_view dead_prefix =
    "tamis:dead:";  ///< list per queue: {reason, at, queue, id, envelope}
inline constexpr std::string_view queues = "tamis:queues";    ///< set of queue names
inline constexpr std::string_view revoked = "tamis:revoked";  ///< zset: task id → seconds when it was revoked
inline constexpr std::string_view workers = "tamis:workers";  ///< zset: worker → ms when it was last seen
inline constexpr std::string_view worker_prefix =
    "tamis:worker:";  ///< string per worker, JSON, lives as long as its lease
inline constexpr std::string_view log_prefix = "tamis:log:";  ///< list per task id: lines

inline std::string join(std::string_view prefix, std::string_view name) {
  return std::string(prefix) + std::string(name);
}

}  // namespace tamis::queue::keys
