#include "tasks/sources/kafka_client.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/suggest.h"
#include "tasks/sources/kafka_client_handle.h"

namespace tamis::sources {
namespace {

using Metadata = std::unique_ptr<const struct rd_kafka_metadata, decltype(&rd_kafka_metadata_destroy)>;
using Topic = std::unique_ptr<rd_kafka_topic_t, decltype(&rd_kafka_topic_destroy)>;
using Partitions =
    std::unique_ptr<rd_kafka_topic_partition_list_t, decltype(&rd_kafka_topic_partition_list_destroy)>;

constexpr base::Duration metadata_step = std::chrono::milliseconds(2500);

Metadata ask_metadata(KafkaHandle& handle, rd_kafka_topic_t* topic, base::Duration timeout,
                      const std::string& what) {
  const struct rd_kafka_metadata* metadata = nullptr;
  // In short steps, as a refused login is known long before the time is over.
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const base::Duration left =
        std::chrono::ceil<base::Duration>(deadline - std::chrono::steady_clock::now());
    const auto error = rd_kafka_metadata(
        handle.get(), topic == nullptr, topic, &metadata,
        milliseconds(std::clamp<base::Duration>(left, std::chrono::milliseconds(1), metadata_step)));
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) break;
    handle.serve();
    const bool may_come = error == RD_KAFKA_RESP_ERR__TRANSPORT || error == RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (!may_come || handle.login_refused() || left <= metadata_step) handle.fail(error, what);
  }
  return {metadata, &rd_kafka_metadata_destroy};
}

}  // namespace

KafkaCluster::KafkaCluster(const base::KafkaConnection& connection, base::Duration timeout)
    : handle_(KafkaHandle::borrow(connection)), timeout_(timeout) {}
KafkaCluster::~KafkaCluster() = default;

std::vector<std::string> KafkaCluster::topics() {
  const auto metadata = ask_metadata(*handle_, nullptr, timeout_, "can't list the topics");
  std::vector<std::string> names;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    std::string name = metadata->topics[i].topic;
    if (metadata->topics[i].err == RD_KAFKA_RESP_ERR_NO_ERROR && !name.starts_with("__"))
      names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

int32_t KafkaCluster::partitions(const std::string& topic) {
  const std::string what = fmt::format("can't read topic \"{}\"", topic);
  const Topic named(rd_kafka_topic_new(handle_->get(), topic.c_str(), nullptr), &rd_kafka_topic_destroy);
  if (!named) throw base::UserError("\"{}\" is no name for a topic", topic);
  const auto metadata = ask_metadata(*handle_, named.get(), timeout_, what);
  if (metadata->topic_cnt != 1)
    throw base::TransientError("{}: Kafka at {} gave no answer about it", what, handle_->brokers());
  const auto& found = metadata->topics[0];
  if (found.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
    const auto names = topics();
    throw base::UserError("Kafka at {} has no topic \"{}\"{}", handle_->brokers(), topic,
                          base::did_you_mean(topic, names));
  }
  if (found.err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
    throw base::TransientError("{}: Kafka at {} is just making it", what, handle_->brokers());
  if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) handle_->fail(found.err, what);
  return found.partition_cnt;
}

KafkaRange KafkaCluster::range(const std::string& topic, int32_t partition) {
  KafkaRange range;
  handle_->ask_range(topic, partition, timeout_, range.low, range.high);
  return range;
}

std::vector<std::optional<int64_t>> KafkaCluster::offsets_at(const std::string& topic, int32_t partitions,
                                                             base::Instant time) {
  const std::string what = fmt::format("can't ask for offsets of topic \"{}\" by time", topic);
  const Partitions list(rd_kafka_topic_partition_list_new(partitions),
                        &rd_kafka_topic_partition_list_destroy);
  // Kafka counts milliseconds: the first record that is not before `time` has at least the next whole one.
  const auto at = std::chrono::ceil<std::chrono::milliseconds>(time.time_since_epoch()).count();
  for (int32_t p = 0; p < partitions; ++p)
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), p)->offset = std::max<int64_t>(0, at);
  const auto error = rd_kafka_offsets_for_times(handle_->get(), list.get(), milliseconds(timeout_));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) handle_->fail(error, what);
  std::vector<std::optional<int64_t>> offsets(static_cast<size_t>(partitions));
  for (int i = 0; i < list->cnt; ++i) {
    const auto& found = list->elems[i];
    if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) handle_->fail(found.err, what);
    if (found.offset >= 0) offsets[static_cast<size_t>(found.partition)] = found.offset;
  }
  return offsets;
}

bool KafkaCluster::create_topic(const std::string& topic, int32_t partitions,
                                const std::map<std::string, std::string>& config) {
  const std::string what = fmt::format("can't make topic \"{}\"", topic);
  char reason[512];
  using NewTopic = std::unique_ptr<rd_kafka_NewTopic_t, decltype(&rd_kafka_NewTopic_destroy)>;
  const NewTopic wanted(rd_kafka_NewTopic_new(topic.c_str(), partitions, -1, reason, sizeof reason),
                        &rd_kafka_NewTopic_destroy);
  if (!wanted) throw base::UserError("{}: {}", what, reason);
  for (const auto& [name, value] : config)
    rd_kafka_NewTopic_set_config(wanted.get(), name.c_str(), value.c_str());

  using Queue = std::unique_ptr<rd_kafka_queue_t, decltype(&rd_kafka_queue_destroy)>;
  using Admin = std::unique_ptr<rd_kafka_AdminOptions_t, decltype(&rd_kafka_AdminOptions_destroy)>;
  const Queue answers(rd_kafka_queue_new(handle_->get()), &rd_kafka_queue_destroy);
  const Admin options(rd_kafka_AdminOptions_new(handle_->get(), RD_KAFKA_ADMIN_OP_CREATETOPICS),
                      &rd_kafka_AdminOptions_destroy);
  rd_kafka_AdminOptions_set_request_timeout(options.get(), milliseconds(timeout_), reason, sizeof reason);
  rd_kafka_AdminOptions_set_operation_timeout(options.get(), milliseconds(timeout_), reason, sizeof reason);
  rd_kafka_NewTopic_t* list[] = {wanted.get()};
  rd_kafka_CreateTopics(handle_->get(), list, 1, options.get(), answers.get());
  using Event = std::unique_ptr<rd_kafka_event_t, decltype(&rd_kafka_event_destroy)>;
  const Event event(rd_kafka_queue_poll(answers.get(), milliseconds(timeout_) + 5000),
                    &rd_kafka_event_destroy);
  if (!event) handle_->fail(RD_KAFKA_RESP_ERR__TIMED_OUT, what);
  if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR)
    handle_->fail(rd_kafka_event_error(event.get()), what);
  size_t count = 0;
  const auto* const* results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  if (count != 1)
    throw base::TransientError("{}: Kafka at {} gave no answer about it", what, handle_->brokers());
  const auto error = rd_kafka_topic_result_error(results[0]);
  if (error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) return false;
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* words = rd_kafka_topic_result_error_string(results[0]);
    if (is_lasting(error))
      throw base::UserError("{}: {}", what, words != nullptr ? words : rd_kafka_err2str(error));
    handle_->fail(error, what);
  }
  return true;
}

}  // namespace tamis::sources
