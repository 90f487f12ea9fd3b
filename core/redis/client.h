// Redis as the rest of the project sees it: commands, pipelines, scripts and subscriptions.  The home of
// hiredis.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/connections.h"
#include "core/base/time.h"

namespace tamis::redis {

/// An answer of Redis as a plain value.
struct Reply {
  enum class Kind { nil, status, text, integer, list, error };
  Kind kind = Kind::nil;
  std::string text;  ///< status, text, error
  int64_t integer = 0;
  std::vector<Reply> items;
  bool is_nil() const { return kind == Kind::nil; }
  bool is_error() const { return kind == Kind::error; }
};

/// A command's words.
using Command = std::vector<std::string>;

/// A Lua script with its SHA-1: sent whole only when Redis doesn't know it (after NOSCRIPT).
class Script {
 public:
  explicit Script(std::string_view source);
  const std::string& source() const { return source_; }
  const std::string& sha() const { return sha_; }
  /// `EVALSHA sha n keys… args…`, for a pipeline; its caller deals with NOSCRIPT (Client::eval and eval_each
  /// do so by themselves).
  Command command(const std::vector<std::string>& keys, const std::vector<std::string>& args) const;

 private:
  std::string source_, sha_;
};

/// Keys and arguments of one call of a script.
struct ScriptCall {
  std::vector<std::string> keys, args;
};

/// A pool of connections.  Thread-safe.  A connection that fails is thrown away; the command is repeated once
/// on a new one only when nothing was sent yet or the caller says it may be (`Repeat::yes`).  Throws
/// TransientError when Redis can't be reached or answers LOADING, BUSY, READONLY, …; Error for other error
/// answers.  Every call ends within its deadline.
class Client {
 public:
  struct Options {
    base::Duration connect_timeout = std::chrono::seconds(5);
    base::Duration command_timeout = std::chrono::seconds(10);
    size_t max_connections = 16;
  };
  explicit Client(base::RedisConnection connection);
  Client(base::RedisConnection connection, Options options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  enum class Repeat { no, yes };
  Reply run(const Command& command, Repeat repeat = Repeat::yes);
  /// Sends all at once, returns the answers in order; error answers are returned, not thrown.
  std::vector<Reply> pipeline(std::span<const Command> commands, Repeat repeat = Repeat::yes);
  /// EVALSHA, and EVAL when the script is unknown.
  Reply eval(const Script& script, const std::vector<std::string>& keys, const std::vector<std::string>& args,
             Repeat repeat = Repeat::yes);
  /// One script many times in one round trip; error answers are returned, not thrown.
  std::vector<Reply> eval_each(const Script& script, std::span<const ScriptCall> calls,
                               Repeat repeat = Repeat::yes);
  /// Runs a blocking command on a connection of its own; nil when `wait` passed.  `command` comes without its
  /// time limit, which is appended: BRPOP, BLPOP, BZPOPMIN, BLMOVE.  Never repeated.
  Reply block(const Command& command, base::Duration wait);

  /// Throws what an error answer of pipeline() or eval_each() means; `doing` says what was tried.
  void check(const Reply& reply, std::string_view doing) const;

  /// `--redis_key_prefix` put before a key.
  std::string key(std::string_view name) const;
  const base::RedisConnection& connection() const;
  /// For messages: where Redis is, without the password.
  std::string address() const;
  int database() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A connection that listens, with a thread of its own that calls back.  Reconnects by itself and then calls
/// `on_connected` again, as messages may have been missed.  What a callback throws is logged.  Destruction
/// waits for a running callback.
class Subscription {
 public:
  using OnMessage = std::function<void(const std::string& channel, const std::string& payload)>;
  Subscription(base::RedisConnection connection, std::vector<std::string> channels,
               std::vector<std::string> patterns, OnMessage on_message,
               std::function<void()> on_connected = {});
  ~Subscription();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tamis::redis
