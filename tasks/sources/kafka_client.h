// Kafka as the rest of the project sees it: what a cluster holds, one partition's messages in order, and a
// producer. kafka_client*.cc are the home of librdkafka.  Used by the kafka source and sink, by `tamis
// generate` and by tests.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/connections.h"
#include "core/base/time.h"
#include "core/records/record.h"

struct rd_kafka_message_s;

namespace tamis::sources {

class KafkaHandle;

/// The offsets a partition holds: [low, high).  `high` is the last stable offset: nothing before it belongs
/// to an open transaction.
struct KafkaRange {
  int64_t low = 0, high = 0;
};

/// Asks a cluster, and makes topics.  Every call ends within `timeout` (10 s).  Throws TransientError with
/// the address and the reason when no broker answers, UserError for a refused login, a topic that isn't there
/// (with the nearest one that is) or may not be read.  Thread-safe.
class KafkaCluster {
 public:
  explicit KafkaCluster(const base::KafkaConnection& connection,
                        base::Duration timeout = std::chrono::seconds(10));
  ~KafkaCluster();
  KafkaCluster(const KafkaCluster&) = delete;
  KafkaCluster& operator=(const KafkaCluster&) = delete;

  /// The topics there are, without Kafka's own, in the order of their names.
  std::vector<std::string> topics();
  /// How many partitions a topic has: they are numbered from 0.
  int32_t partitions(const std::string& topic);
  KafkaRange range(const std::string& topic, int32_t partition);
  /// For each partition the first offset with a record at or after `time`; empty when there is none.
  std::vector<std::optional<int64_t>> offsets_at(const std::string& topic, int32_t partitions,
                                                 base::Instant time);
  /// Makes a topic; returns false when it is there already.  `config`: as `retention.ms`.
  bool create_topic(const std::string& topic, int32_t partitions,
                    const std::map<std::string, std::string>& config = {});

 private:
  std::shared_ptr<KafkaHandle> handle_;
  base::Duration timeout_;
};

/// Messages of one partition in the order of their offsets, as records whose bytes stay as long as this does.
struct KafkaMessages {
  KafkaMessages() = default;
  ~KafkaMessages();
  KafkaMessages(const KafkaMessages&) = delete;
  KafkaMessages& operator=(const KafkaMessages&) = delete;

  std::vector<records::Record> records;
  std::vector<rd_kafka_message_s*> owned;  ///< one a record, null once it is handed on
  std::shared_ptr<KafkaHandle> handle;     ///< must outlive its messages
};

/// One partition from an offset on.  An interface, so that the reader's decisions can be tested without a
/// broker.
class KafkaFeed {
 public:
  struct Notice {
    enum class Kind {
      none,              ///< messages, or nothing yet
      end_of_partition,  ///< all before `offset` has been passed
      out_of_range,      ///< `offset` was asked for and is not there
      refused,           ///< will never work: unknown topic, no permission, wrong password
      failed             ///< may work another time
    };
    Kind kind = Kind::none;
    int64_t offset = 0;
    std::string message;
  };

  virtual ~KafkaFeed() = default;
  /// Begins at `offset`; what was under way before is forgotten.
  virtual void start(const std::string& topic, int32_t partition, int64_t offset) = 0;
  /// Fetches no more.
  virtual void stop() = 0;
  /// Appends at most `max` messages that have arrived to `messages`, and waits up to `wait` for the first.  A
  /// notice comes after the messages before it.
  virtual Notice poll(KafkaMessages& messages, size_t max, base::Duration wait) = 0;
  virtual KafkaRange range(const std::string& topic, int32_t partition) = 0;
  /// The end of the log, open transactions included.
  virtual int64_t log_end(const std::string& topic, int32_t partition) = 0;
  /// What went wrong with connections lately, for messages; may be empty.
  virtual std::string trouble() const = 0;
};

/// A feed on a handle of the process' pool: connections and threads are kept for the next slice.
std::unique_ptr<KafkaFeed> borrow_kafka_feed(const base::KafkaConnection& connection);

/// Sends messages: all replicas in sync acknowledge, and the broker drops what a retry repeats (idempotent
/// producer). Used by one thread at a time.
class KafkaProducer {
 public:
  struct Options {
    base::Duration deadline = std::chrono::minutes(2);  ///< for one message, all tries together
    std::string compression = "lz4";
    int32_t max_messages = 500'000;  ///< waiting to be sent; then produce() blocks
    int32_t max_kilobytes = 128 << 10;
    std::string transactional_id;  ///< begin() and commit() or abort() around messages
  };
  explicit KafkaProducer(const base::KafkaConnection& connection);
  KafkaProducer(const base::KafkaConnection& connection, Options options);
  /// Gives up what was not flushed.
  ~KafkaProducer();
  KafkaProducer(const KafkaProducer&) = delete;
  KafkaProducer& operator=(const KafkaProducer&) = delete;

  /// Copies the message and sends it soon.  No value (`std::nullopt`): a tombstone.  Partition -1: by the
  /// key's hash, as Java's clients do.  Throws as flush() does for messages sent before.
  void produce(const std::string& topic, std::string_view key, std::optional<std::string_view> value,
               std::optional<base::Instant> time = {}, int32_t partition = -1);
  /// Returns when every message is acknowledged.  Throws UserError (topic unknown, message too large, not
  /// allowed) or TransientError with the first reason and the number of messages that failed.
  void flush();

  void begin();
  void commit();
  void abort();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tamis::sources
