#include <array>
#include <thread>

#include "core/base/error.h"
#include "tasks/sources/kafka_client.h"
#include "tasks/sources/kafka_client_handle.h"

namespace tamis::sources {
namespace {

class Feed : public KafkaFeed {
 public:
  explicit Feed(const base::KafkaConnection& connection)
      : connection_(connection), handle_(KafkaHandle::borrow(connection)) {}
  ~Feed() override { stop(); }

  void start(const std::string& topic, int32_t partition, int64_t offset) override {
    auto* list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic.c_str(), partition)->offset = offset;
    const auto error = rd_kafka_assign(handle_->get(), list);
    rd_kafka_topic_partition_list_destroy(list);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      handle_->mark_broken();
      handle_->fail(error, fmt::format("can't read topic \"{}\"", topic));
    }
    topic_ = topic;
    partition_ = partition;
    started_ = true;
  }

  void stop() override {
    if (!started_) return;
    started_ = false;
    // What was fetched and not taken is dropped by librdkafka: it belongs to an assignment that is no more.
    if (rd_kafka_assign(handle_->get(), nullptr) != RD_KAFKA_RESP_ERR_NO_ERROR) handle_->mark_broken();
  }

  Notice poll(KafkaMessages& messages, size_t max, base::Duration wait) override {
    if (!messages.handle) messages.handle = handle_;
    // The batch call waits until its array is full; so it waits for one, and then takes what else is there
    // without waiting.
    size_t taken = 0;
    while (taken < max) {
      const size_t room = std::min(raw_.size(), max - taken);
      ssize_t count = rd_kafka_consume_batch_queue(handle_->queue(), 0, raw_.data(), room);
      if (count == 0 && taken == 0 && wait.count() > 0)
        count = rd_kafka_consume_batch_queue(handle_->queue(), milliseconds(wait), raw_.data(), 1);
      if (count < 0) return {Notice::Kind::failed, 0, rd_kafka_err2str(rd_kafka_last_error())};
      if (count == 0) break;
      for (ssize_t i = 0; i < count; ++i) {
        Notice notice = take(messages, raw_[static_cast<size_t>(i)]);
        if (notice.kind == Notice::Kind::none) continue;
        // Nothing comes after an error or an end that is of use: the caller starts again or is done.
        for (ssize_t rest = i + 1; rest < count; ++rest)
          if (auto more = take(messages, raw_[static_cast<size_t>(rest)]); more.kind != Notice::Kind::none)
            notice = std::move(more);
        return notice;
      }
      taken += static_cast<size_t>(count);
      wait = {};
    }
    return {};
  }

  KafkaRange range(const std::string& topic, int32_t partition) override {
    return ask_range(*handle_, topic, partition);
  }
  int64_t log_end(const std::string& topic, int32_t partition) override {
    return ask_range(*KafkaHandle::borrow(connection_, true), topic, partition).high;
  }
  std::string trouble() const override { return handle_->trouble(); }

 private:
  static KafkaRange ask_range(KafkaHandle& handle, const std::string& topic, int32_t partition) {
    KafkaRange range;
    handle.ask_range(topic, partition, std::chrono::seconds(10), range.low, range.high);
    return range;
  }

  /// Makes a record of a message, or a notice of an event.
  Notice take(KafkaMessages& messages, rd_kafka_message_t* message) {
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (message->partition != partition_) {
        rd_kafka_message_destroy(message);
        return {};
      }
      rd_kafka_timestamp_type_t type;
      const int64_t time = rd_kafka_message_timestamp(message, &type);
      auto& record = messages.records.emplace_back();
      record.bytes = {static_cast<const char*>(message->payload),
                      message->payload == nullptr ? 0 : message->len};
      record.offset = message->offset;
      record.time =
          base::Instant(std::chrono::milliseconds(type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? 0 : time));
      record.is_null = message->payload == nullptr;
      messages.owned.push_back(message);
      return {};
    }
    const bool ours = message->rkt == nullptr || message->partition == partition_;
    const auto error = message->err;
    const int64_t offset = message->offset;
    const char* words = rd_kafka_message_errstr(message);
    const std::string text = words != nullptr ? words : rd_kafka_err2str(error);
    rd_kafka_message_destroy(message);
    if (!ours) return {};
    switch (error) {
      case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        return {Notice::Kind::end_of_partition, offset, {}};
      case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
      case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        return {Notice::Kind::out_of_range, offset, text};
      // librdkafka goes on trying; the reader has a deadline of its own.
      case RD_KAFKA_RESP_ERR__TRANSPORT:
      case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
      case RD_KAFKA_RESP_ERR__TIMED_OUT:
      case RD_KAFKA_RESP_ERR__RESOLVE:
        return {};
      default:
        break;
    }
    if (error == RD_KAFKA_RESP_ERR__FATAL) handle_->mark_broken();
    return {is_lasting(error) ? Notice::Kind::refused : Notice::Kind::failed, offset, text};
  }

  const base::KafkaConnection connection_;
  const std::shared_ptr<KafkaHandle> handle_;
  std::string topic_;
  int32_t partition_ = -1;
  bool started_ = false;
  std::array<rd_kafka_message_t*, 4096> raw_{};
};

}  // namespace

KafkaMessages::~KafkaMessages() {
  for (auto* message : owned)
    if (message != nullptr) rd_kafka_message_destroy(message);
}

std::unique_ptr<KafkaFeed> borrow_kafka_feed(const base::KafkaConnection& connection) {
  return std::make_unique<Feed>(connection);
}

}  // namespace tamis::sources
