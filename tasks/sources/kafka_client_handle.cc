#include "tasks/sources/kafka_client_handle.h"

#include <algorithm>
#include <vector>

#include "core/base/error.h"
#include "core/base/log.h"

namespace tamis::sources {
namespace {

constexpr int scram_works_from = 0x020601ff;
constexpr size_t idle_handles_kept = 8;

bool is_scram(const std::string& mechanism) {
  return mechanism.starts_with("SCRAM");
}

void warn_of_scram(const base::KafkaConnection& connection) {
  if (!is_scram(connection.sasl_mechanism) || rd_kafka_version() >= scram_works_from) return;
  static std::once_flag once;
  std::call_once(once, [] {
    base::log_warn("SCRAM may be refused",
                   {{"librdkafka", rd_kafka_version_str()},
                    {"why", "brokers of Kafka 4 refuse SCRAM from librdkafka before 2.6.1"},
                    {"hint", "use librdkafka 2.6.1, a 3.x broker, or PLAIN over TLS"}});
  });
}

KafkaHandle::Settings connection_settings(const base::KafkaConnection& c) {
  KafkaHandle::Settings settings{
      {"bootstrap.servers", c.brokers},           {"client.id", "tamis"},
      {"security.protocol", c.security_protocol}, {"socket.nagle.disable", "true"},
      {"socket.keepalive.enable", "true"},        {"reconnect.backoff.ms", "100"},
      {"reconnect.backoff.max.ms", "2000"},       {"log.connection.close", "false"}};
  const std::pair<const char*, const std::string&> optional[] = {
      {"sasl.mechanisms", c.sasl_mechanism},
      {"sasl.username", c.sasl_username},
      {"sasl.password", c.sasl_password},
      {"ssl.ca.location", c.ssl_ca},
      {"ssl.certificate.location", c.ssl_certificate},
      {"ssl.key.location", c.ssl_key},
      {"ssl.key.password", c.ssl_key_password}};
  for (const auto& [name, value] : optional)
    if (!value.empty()) settings[name] = value;
  return settings;
}

/// Idle consumers by their settings.  Never destroyed, as threads may use it until the process ends.
struct Pool {
  std::mutex mutex;
  std::vector<std::pair<std::string, std::unique_ptr<KafkaHandle>>>
      idle;  // under `mutex`, the longest idle first
};
Pool& pool() {
  static auto* const one = new Pool;
  return *one;
}

}  // namespace

bool is_lasting(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
      return true;
    default:
      return false;
  }
}

KafkaHandle::KafkaHandle(const base::KafkaConnection& connection, rd_kafka_type_t type,
                         const Settings& settings, OnDelivered on_delivered)
    : brokers_(connection.brokers), on_delivered_(std::move(on_delivered)) {
  warn_of_scram(connection);
  if (!connection.sasl_username.empty())
    login_ = fmt::format("user \"{}\" ({})", connection.sasl_username, connection.sasl_mechanism);
  if (is_scram(connection.sasl_mechanism) && rd_kafka_version() < scram_works_from)
    login_ += fmt::format(
        "; mind that brokers of Kafka 4 refuse SCRAM from librdkafka {}: it needs 2.6.1, a 3.x broker, or "
        "PLAIN over TLS",
        rd_kafka_version_str());

  std::unique_ptr<rd_kafka_conf_t, decltype(&rd_kafka_conf_destroy)> conf(rd_kafka_conf_new(),
                                                                          &rd_kafka_conf_destroy);
  char reason[512];
  auto all = connection_settings(connection);
  for (const auto& [name, value] : settings) all[name] = value;
  for (const auto& [name, value] : all)
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), reason, sizeof reason) != RD_KAFKA_CONF_OK)
      throw base::UserError("wrong setting for Kafka: {}", reason);
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_log_cb(conf.get(), &KafkaHandle::on_log);
  rd_kafka_conf_set_error_cb(conf.get(), &KafkaHandle::on_error);
  if (on_delivered_)
    rd_kafka_conf_set_dr_msg_cb(conf.get(), [](rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
      static_cast<KafkaHandle*>(self)->on_delivered_(*message);
    });
  kafka_ = rd_kafka_new(type, conf.get(), reason, sizeof reason);
  if (kafka_ == nullptr)
    throw base::UserError("can't use the settings for Kafka at {}: {}", brokers_, reason);
  conf.release();  // librdkafka's now
  if (type == RD_KAFKA_CONSUMER) {
    rd_kafka_poll_set_consumer(kafka_);
    queue_ = rd_kafka_queue_get_consumer(kafka_);
  }
}

KafkaHandle::~KafkaHandle() {
  if (queue_ != nullptr) {
    rd_kafka_queue_destroy(queue_);
    rd_kafka_consumer_close(kafka_);
  }
  rd_kafka_destroy(kafka_);
}

void KafkaHandle::on_log(const rd_kafka_t*, int, const char* facility, const char* text) {
  // A lost connection is told by whoever needed it; until then it is librdkafka's business to get it back.
  base::log_debug("librdkafka spoke", {{"facility", facility}, {"text", text}});
}

void KafkaHandle::on_error(rd_kafka_t*, int error, const char* reason, void* self) {
  auto& handle = *static_cast<KafkaHandle*>(self);
  std::lock_guard lock(handle.mutex_);
  if (error == RD_KAFKA_RESP_ERR__AUTHENTICATION) handle.login_refused_ = true;
  if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && !handle.trouble_.empty()) return;
  handle.trouble_ = reason;
  std::replace(handle.trouble_.begin(), handle.trouble_.end(), '\n', ' ');
}

std::string KafkaHandle::trouble() const {
  std::lock_guard lock(mutex_);
  return trouble_;
}

bool KafkaHandle::login_refused() const {
  std::lock_guard lock(mutex_);
  return login_refused_;
}

void KafkaHandle::forget_trouble() {
  std::lock_guard lock(mutex_);
  trouble_.clear();
  login_refused_ = false;
}

void KafkaHandle::serve() {
  if (queue_ != nullptr)
    if (auto* message = rd_kafka_consumer_poll(kafka_, 0)) rd_kafka_message_destroy(message);
}

void KafkaHandle::fail(rd_kafka_resp_err_t error, const std::string& what) {
  serve();
  std::string text;
  bool refused = false;
  {
    std::lock_guard lock(mutex_);
    text = trouble_;
    refused = login_refused_;
  }
  if (refused)
    throw base::UserError("{}: Kafka at {} refused the login of {}: {}", what, brokers_, login_, text);
  if (is_lasting(error)) throw base::UserError("{}: {}", what, rd_kafka_err2str(error));
  throw base::TransientError("{}: Kafka at {} doesn't answer: {}", what, brokers_,
                             text.empty() ? rd_kafka_err2str(error) : text);
}

void KafkaHandle::ask_range(const std::string& topic, int32_t partition, base::Duration timeout, int64_t& low,
                            int64_t& high) {
  const auto ask = [&] {
    return rd_kafka_query_watermark_offsets(kafka_, topic.c_str(), partition, &low, &high,
                                            milliseconds(timeout));
  };
  auto error = ask();
  if (error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC) {
    // The handle may know the topic from before it got this partition: it is told once more, and asked again.
    const std::unique_ptr<rd_kafka_topic_t, decltype(&rd_kafka_topic_destroy)> named(
        rd_kafka_topic_new(kafka_, topic.c_str(), nullptr), &rd_kafka_topic_destroy);
    const struct rd_kafka_metadata* metadata = nullptr;
    if (rd_kafka_metadata(kafka_, 0, named.get(), &metadata, milliseconds(timeout)) ==
        RD_KAFKA_RESP_ERR_NO_ERROR)
      rd_kafka_metadata_destroy(metadata);
    error = ask();
  }
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    fail(error, fmt::format("can't ask for the offsets of topic \"{}\", partition {}", topic, partition));
}

std::shared_ptr<KafkaHandle> KafkaHandle::borrow(const base::KafkaConnection& c, bool read_uncommitted) {
  std::string key;
  for (const auto& [name, value] : connection_settings(c)) key += name + '=' + value + '\n';
  key += read_uncommitted ? "u" : "c";
  std::unique_ptr<KafkaHandle> handle;
  {
    std::lock_guard lock(pool().mutex);
    auto& idle = pool().idle;
    const auto found =
        std::find_if(idle.rbegin(), idle.rend(), [&](const auto& entry) { return entry.first == key; });
    if (found != idle.rend()) {
      handle = std::move(found->second);
      idle.erase(std::next(found).base());
    }
  }
  if (handle) {
    handle->forget_trouble();
  } else {
    handle = std::make_unique<KafkaHandle>(
        c, RD_KAFKA_CONSUMER,
        Settings{{"group.id", "tamis"},
                 {"enable.auto.commit", "false"},
                 {"enable.auto.offset.store", "false"},
                 {"auto.offset.reset", "error"},
                 {"enable.partition.eof", "true"},
                 {"isolation.level", read_uncommitted ? "read_uncommitted" : "read_committed"},
                 {"check.crcs", "true"},
                 {"allow.auto.create.topics", "false"},
                 {"fetch.wait.max.ms", "20"},
                 {"fetch.error.backoff.ms", "100"},
                 {"fetch.message.max.bytes", "4194304"},
                 // The reader empties the queue as it fills and keeps what is ahead itself, so that these are
                 // seldom reached: librdkafka before 2.2 then sleeps for up to a second.
                 {"queued.min.messages", "200000"},
                 {"queued.max.messages.kbytes", "65536"}});
  }
  return {handle.release(), [key](KafkaHandle* done) {
            std::unique_ptr<KafkaHandle> owned(done);
            if (owned->broken()) return;
            std::unique_ptr<KafkaHandle> oldest;  // destroyed after the lock is released
            std::lock_guard lock(pool().mutex);
            auto& idle = pool().idle;
            idle.emplace_back(key, std::move(owned));
            if (idle.size() > idle_handles_kept) {
              oldest = std::move(idle.front().second);
              idle.erase(idle.begin());
            }
          }};
}

}  // namespace tamis::sources
