// One librdkafka handle with its settings, log and errors; kept in a pool, as each costs threads and
// connections. Only for kafka_client*.cc.
#pragma once
#include <librdkafka/rdkafka.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/base/connections.h"
#include "tasks/sources/kafka_client.h"

namespace tamis::sources {

class KafkaHandle {
 public:
  using Settings = std::map<std::string, std::string>;

  using OnDelivered = std::function<void(const rd_kafka_message_t&)>;

  /// `on_delivered`: of a producer; called inside rd_kafka_poll and rd_kafka_flush.
  KafkaHandle(const base::KafkaConnection& connection, rd_kafka_type_t type, const Settings& settings,
              OnDelivered on_delivered = {});
  ~KafkaHandle();
  KafkaHandle(const KafkaHandle&) = delete;
  KafkaHandle& operator=(const KafkaHandle&) = delete;

  /// A consumer for slices from the pool, or a new one.  It goes back when the last user lets go, unless it
  /// is broken.
  static std::shared_ptr<KafkaHandle> borrow(const base::KafkaConnection& connection,
                                             bool read_uncommitted = false);

  rd_kafka_t* get() const { return kafka_; }
  rd_kafka_queue_t* queue() const { return queue_; }  ///< a consumer's
  /// Keeps it from going back to the pool.
  void mark_broken() { broken_ = true; }
  bool broken() const { return broken_; }

  /// Takes errors of connections, which wait in the queue until somebody polls.  Not while a feed reads.
  void serve();
  /// The last words about connections, or empty.
  std::string trouble() const;
  void forget_trouble();
  bool login_refused() const;
  /// Throws what `error` means to a user; `what` was tried, as `can't read topic "t"`.
  [[noreturn]] void fail(rd_kafka_resp_err_t error, const std::string& what);
  const std::string& brokers() const { return brokers_; }
  /// Asks where a partition begins and ends, within `timeout`.
  void ask_range(const std::string& topic, int32_t partition, base::Duration timeout, int64_t& low,
                 int64_t& high);

 private:
  static void on_log(const rd_kafka_t* kafka, int level, const char* facility, const char* text);
  static void on_error(rd_kafka_t* kafka, int error, const char* reason, void* self);

  std::string brokers_, login_;
  OnDelivered on_delivered_;
  rd_kafka_t* kafka_ = nullptr;
  rd_kafka_queue_t* queue_ = nullptr;
  std::atomic<bool> broken_ = false;
  mutable std::mutex mutex_;
  std::string trouble_;         // under `mutex_`
  bool login_refused_ = false;  // under `mutex_`
};

/// Whether an error will stay whatever is tried again.
bool is_lasting(rd_kafka_resp_err_t error);

inline int milliseconds(base::Duration duration) {
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

}  // namespace tamis::sources
