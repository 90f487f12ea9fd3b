// One socket to Redis with a deadline on every wait.  Used by Client and Subscription; not thread-safe.
#pragma once
#include <hiredis/hiredis.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/redis/address.h"
#include "core/redis/client.h"

namespace tamis::redis {

using Deadline = std::chrono::steady_clock::time_point;

class Connection {
 public:
  /// Connects, logs in and selects the database.  Throws TransientError, or UserError when Redis refuses the
  /// password.
  Connection(const Address& address, Deadline deadline);

  /// Queues a command; it leaves with the next flush, read or when much has gathered.
  void append(const Command& command);
  /// The next answer.  Throws TransientError when the connection breaks or the deadline passes: then it is of
  /// no more use.
  Reply read(Deadline deadline);
  /// The answers to `commands`; what is sent and what comes back may both be larger than the socket's
  /// buffers.
  std::vector<Reply> exchange(std::span<const Command> commands, Deadline deadline);
  /// Sends what was appended.
  void flush(Deadline deadline);
  /// An answer that is there already or arrives by the deadline; also returns without one when `wake_fd`
  /// becomes readable.
  bool poll_reply(Reply& reply, int wake_fd, Deadline deadline);

  /// For a poll() over several connections.
  int descriptor() const { return context_->fd; }

  /// Whether any byte was handed to the socket since the last reset.
  bool has_sent() const { return sent_; }
  void reset_sent() { sent_ = false; }
  /// False when the other side closed it, or said something nobody asked for.
  bool is_usable() const;

 private:
  bool take_reply(Reply& reply);
  /// Moves bytes either way once the socket is ready; false: the deadline passed or wake_fd became readable.
  bool turn(int wake_fd, Deadline deadline);
  [[noreturn]] void fail(const std::string& why) const;

  Address address_;
  std::unique_ptr<redisContext, void (*)(redisContext*)> context_;
  bool sent_ = false;
  bool writing_ = false;
};

/// Throws what an error answer means: TransientError for LOADING, BUSY, READONLY, …, UserError for a wrong
/// password or missing right, else Error.
[[noreturn]] void throw_error_reply(const Address& address, const std::string& command,
                                    const std::string& text);

}  // namespace tamis::redis
