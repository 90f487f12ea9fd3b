#include "core/base/error.h"
#include "tasks/sources/kafka_client.h"
#include "tasks/sources/kafka_client_handle.h"

namespace tamis::sources {

struct KafkaProducer::State {
  State(const base::KafkaConnection& connection, const Options& given)
      : options(given), handle(connection, RD_KAFKA_PRODUCER, settings(given), [this](const auto& message) {
          on_delivered(message);
        }) {}

  static KafkaHandle::Settings settings(const Options& options) {
    KafkaHandle::Settings s{{"enable.idempotence", "true"},
                            {"acks", "all"},
                            {"linger.ms", "20"},
                            {"compression.type", options.compression},
                            {"partitioner", "murmur2_random"},
                            {"message.timeout.ms", std::to_string(milliseconds(options.deadline))},
                            {"queue.buffering.max.messages", std::to_string(options.max_messages)},
                            {"queue.buffering.max.kbytes", std::to_string(options.max_kilobytes)},
                            {"topic.metadata.propagation.max.ms", "5000"}};
    if (!options.transactional_id.empty()) {
      s["transactional.id"] = options.transactional_id;
      s.erase("message.timeout.ms");
      s["transaction.timeout.ms"] = std::to_string(milliseconds(options.deadline));
    }
    return s;
  }

  void on_delivered(const rd_kafka_message_t& message) {
    if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR || failed++ > 0) return;
    first_error = message.err;
    first_topic = rd_kafka_topic_name(message.rkt);
  }

  void check() {
    if (handle.login_refused()) handle.fail(RD_KAFKA_RESP_ERR__AUTHENTICATION, "can't send messages");
    if (failed == 0) return;
    const auto count = std::exchange(failed, 0);
    const auto error = std::exchange(first_error, RD_KAFKA_RESP_ERR_NO_ERROR);
    const std::string what = fmt::format("{} message{} for topic \"{}\" could not be delivered", count,
                                         count == 1 ? "" : "s", first_topic);
    handle.fail(error, what);
  }

  void check(rd_kafka_error_t* error, const char* what) {
    if (error == nullptr) return;
    const std::string text = rd_kafka_error_string(error);
    rd_kafka_error_destroy(error);
    throw base::TransientError("can't {} a transaction with Kafka at {}: {}", what, handle.brokers(), text);
  }

  const Options options;
  KafkaHandle handle;
  uint64_t failed = 0;
  rd_kafka_resp_err_t first_error = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::string first_topic;
  uint32_t since_poll = 0;
  bool initialized = false;
};

KafkaProducer::KafkaProducer(const base::KafkaConnection& connection)
    : KafkaProducer(connection, Options()) {}
KafkaProducer::KafkaProducer(const base::KafkaConnection& connection, Options options)
    : state_(std::make_unique<State>(connection, options)) {}
KafkaProducer::~KafkaProducer() {
  rd_kafka_purge(state_->handle.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
}

void KafkaProducer::produce(const std::string& topic, std::string_view key,
                            std::optional<std::string_view> value, std::optional<base::Instant> time,
                            int32_t partition) {
  auto* kafka = state_->handle.get();
  if (++state_->since_poll >= 1000) {
    state_->since_poll = 0;
    rd_kafka_poll(kafka, 0);
    state_->check();
  }
  const int64_t at =
      time ? std::chrono::floor<std::chrono::milliseconds>(time->time_since_epoch()).count() : 0;
  static char nothing = 0;  // an empty value is not none
  char* const bytes = !value ? nullptr : value->empty() ? &nothing : const_cast<char*>(value->data());
  const size_t size = value ? value->size() : 0;
  const auto deadline = std::chrono::steady_clock::now() + state_->options.deadline;
  for (;;) {
    const auto error =
        rd_kafka_producev(kafka, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(partition),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_KEY(key.empty() ? nullptr : key.data(), key.size()),
                          RD_KAFKA_V_VALUE(bytes, size), RD_KAFKA_V_TIMESTAMP(at), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL)
      state_->handle.fail(error, fmt::format("can't send to topic \"{}\"", topic));
    rd_kafka_poll(kafka, 50);
    state_->check();
    if (std::chrono::steady_clock::now() > deadline)
      throw base::TransientError("Kafka at {} takes no messages for topic \"{}\" since {}",
                                 state_->handle.brokers(), topic,
                                 base::format_duration(state_->options.deadline));
  }
}

void KafkaProducer::flush() {
  const auto deadline = std::chrono::steady_clock::now() + state_->options.deadline + std::chrono::seconds(5);
  auto error = RD_KAFKA_RESP_ERR__TIMED_OUT;
  while (error == RD_KAFKA_RESP_ERR__TIMED_OUT && std::chrono::steady_clock::now() < deadline) {
    error = rd_kafka_flush(state_->handle.get(), 500);
    state_->check();
  }
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    state_->handle.fail(
        error, fmt::format("{} messages were not acknowledged", rd_kafka_outq_len(state_->handle.get())));
}

void KafkaProducer::begin() {
  auto* kafka = state_->handle.get();
  if (!state_->initialized) state_->check(rd_kafka_init_transactions(kafka, 30'000), "prepare for");
  state_->initialized = true;
  state_->check(rd_kafka_begin_transaction(kafka), "begin");
}
void KafkaProducer::commit() {
  state_->check(rd_kafka_commit_transaction(state_->handle.get(), 30'000), "commit");
  state_->check();
}
void KafkaProducer::abort() {
  state_->check(rd_kafka_abort_transaction(state_->handle.get(), 30'000), "abort");
}

}  // namespace tamis::sources
