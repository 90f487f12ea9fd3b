// The consumer's side of the queue: messages are claimed under a lease, renewed while they are worked on, and
// settled, or come back by themselves.  A message is always in exactly one place.  Used by workers; the
// scheduler runs restore() too.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/redis/client.h"

namespace tamis::queue {

/// A message that is held under a lease, until it is settled, given back, postponed or buried.
struct Delivery {
  std::string tag;    ///< names it among all that are held
  std::string owner;  ///< of this claim: who lost the lease can't release the message any more
  std::string queue;
  std::string envelope;  ///< as it stood in the list
  int losses = 0;        ///< how many workers died while they held it
};

struct Claim {
  std::vector<Delivery> deliveries;
  std::optional<base::Duration> next_eta;  ///< when the next postponed message is due
};

struct Restored {
  int64_t given_back = 0;
  std::vector<Delivery> poisonous;  ///< lost too often; the caller holds them now and should bury them
  std::optional<base::Duration> next_eta;
};

class Broker {
 public:
  struct Options {
    std::string name = "tamis";       ///< of the worker
    std::vector<std::string> queues;  ///< none: only restore() is of use
    base::Duration lease = std::chrono::seconds(30);
    int max_losses = 5;
    /// After this time what workers without leases (Celery's) hold is given back; theirs has the same name
    /// and default.
    base::Duration visibility_timeout = std::chrono::hours(1);
  };

  virtual ~Broker() = default;
  /// Takes up to `most` messages, the most urgent first, queues in turn.  One atomic step; doesn't wait.
  virtual Claim claim(size_t most) = 0;
  /// Waits until there may be something to claim (true), `wait` passed or wake() was called.  For one thread.
  virtual bool wait(base::Duration wait) = 0;
  virtual void wake() = 0;

  // Each of these answers for each delivery whether it was still ours.
  /// Done with: the message is gone.
  virtual std::vector<bool> settle(std::span<const Delivery> deliveries) = 0;
  /// To be served next, marked as redelivered.
  virtual std::vector<bool> give_back(std::span<const Delivery> deliveries) = 0;
  virtual std::vector<bool> renew(std::span<const Delivery> deliveries) = 0;

  /// Lays it aside, in Redis, until `eta`.
  virtual bool postpone(const Delivery& delivery, base::Instant eta) = 0;
  /// Moves it to the dead letters of its queue.
  virtual bool bury(const Delivery& delivery, const std::string& reason) = 0;

  /// Gives back what dead workers held and what is due.  Harmless at any time from anywhere.
  virtual Restored restore() = 0;
};

/// A message that nobody could or would run.
struct DeadLetter {
  std::string queue, reason, id, envelope;
  base::Instant at{};
};

std::unique_ptr<Broker> make_redis_broker(std::shared_ptr<redis::Client> redis, Broker::Options options);
/// The dead letters of a queue, the newest first.
std::vector<DeadLetter> read_dead_letters(redis::Client& redis, const std::string& queue, int64_t most = 100);

}  // namespace tamis::queue
