// Reads one slice of a partition: done only by its offsets (docs/pipeline.md), never by a time-out.  Used by
// the kafka source.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "tasks/sources/kafka_client.h"
#include "tasks/sources/source.h"

namespace tamis::sources {

struct KafkaSlice {
  std::string topic;
  int32_t partition = 0;
  int64_t start = 0, end = 0;  ///< [start, end)
};

struct KafkaReaderOptions {
  int64_t lookback = 0;      ///< offsets before the start to read first, if they are still there
  bool record_loss = false;  ///< go on without what retention deleted, and report it
  base::Duration patience = std::chrono::seconds(30);  ///< for the next message, and for an open transaction
  size_t batch_bytes = 32 << 20;  ///< a batch that holds so much ends early: the same in every attempt
  size_t ahead_bytes = 64 << 20;  ///< what may be kept beyond the batch asked for
};

class KafkaReader : public Reader {
 public:
  KafkaReader(std::unique_ptr<KafkaFeed> feed, KafkaSlice slice, KafkaReaderOptions options);
  ~KafkaReader() override;

  bool read(records::RecordBatch& batch, size_t max, const std::stop_token& stop) override;
  Provenance provenance() const override;
  ReadReport report() const override { return report_; }

 private:
  void open();
  /// Takes what has arrived; waits for it when there is nothing.
  void fetch(const std::stop_token& stop, bool wait);
  void check(size_t first_new);
  void at_end_of_partition(int64_t offset);
  void out_of_range();
  void lose(int64_t from, int64_t to);
  void finish();
  std::string place() const;

  const std::unique_ptr<KafkaFeed> feed_;
  const KafkaSlice slice_;
  const KafkaReaderOptions options_;
  bool open_ = false, done_ = false;
  int64_t next_ = 0;              ///< all offsets before it were read, are holes or lost
  int64_t taken_ = 0, lost_ = 0;  ///< records and offsets of the slice itself, without lookback
  bool first_seen_ = false;
  KafkaMessages pending_;
  size_t head_ = 0;  ///< pending records before it were handed over
  size_t pending_bytes_ = 0;
  std::chrono::steady_clock::time_point last_progress_, blocked_since_;
  bool blocked_ = false;  ///< an open transaction is in the way
  ReadReport report_;
};

}  // namespace tamis::sources
