#include "core/redis/client.h"

#include <condition_variable>
#include <mutex>

#include "core/base/error.h"
#include "core/redis/address.h"
#include "core/redis/connection.h"

namespace tamis::redis {
namespace {

using Clock = std::chrono::steady_clock;

std::string command_name(const Command& command) {
  return command.empty() ? "nothing" : command.front();
}

}  // namespace

struct Client::State {
  State(base::RedisConnection connection_, Options options_)
      : connection(std::move(connection_)), options(options_), address(parse_address(connection.url)) {}

  base::RedisConnection connection;
  Options options;
  Address address;
  std::mutex mutex;
  std::condition_variable returned;
  std::vector<std::unique_ptr<Connection>> idle;
  size_t in_use = 0;

  std::unique_ptr<Connection> connect(Deadline deadline) const {
    return std::make_unique<Connection>(address, std::min(deadline, Clock::now() + options.connect_timeout));
  }

  /// An idle connection that still works; none when a new one is to be made.
  std::unique_ptr<Connection> take_idle() {
    while (!idle.empty()) {
      auto connection_ = std::move(idle.back());
      idle.pop_back();
      if (connection_->is_usable()) {
        connection_->reset_sent();
        return connection_;
      }
    }
    return nullptr;
  }

  std::unique_ptr<Connection> acquire(Deadline deadline) {
    std::unique_lock lock(mutex);
    if (!returned.wait_until(lock, deadline, [&] { return in_use < options.max_connections; }))
      throw base::TransientError("all {} connections to Redis at {} are busy", options.max_connections,
                                 address.text());
    ++in_use;
    auto connection_ = take_idle();
    lock.unlock();
    if (connection_ == nullptr) {
      try {
        connection_ = connect(deadline);
      } catch (...) {
        release(nullptr);
        throw;
      }
    }
    return connection_;
  }

  void release(std::unique_ptr<Connection> connection_) {
    const std::lock_guard lock(mutex);
    --in_use;
    if (connection_ != nullptr) idle.push_back(std::move(connection_));
    returned.notify_one();
  }

  std::vector<Reply> exchange(std::span<const Command> commands, Repeat repeat) {
    const auto deadline = Clock::now() + options.command_timeout;
    for (int attempt = 1;; ++attempt) {
      auto connection_ = acquire(deadline);
      try {
        auto replies = connection_->exchange(commands, deadline);
        release(std::move(connection_));
        return replies;
      } catch (const base::TransientError&) {
        const bool again =
            attempt == 1 && (repeat == Repeat::yes || !connection_->has_sent()) && Clock::now() < deadline;
        release(nullptr);
        if (!again) throw;
        // The others were made before the same fault, most likely.
        const std::lock_guard lock(mutex);
        idle.clear();
      } catch (...) {
        release(nullptr);
        throw;
      }
    }
  }
};

Client::Client(base::RedisConnection connection) : Client(std::move(connection), Options()) {}
Client::Client(base::RedisConnection connection, Options options)
    : state_(std::make_unique<State>(std::move(connection), options)) {}
Client::~Client() = default;

Reply Client::run(const Command& command, Repeat repeat) {
  auto replies = state_->exchange(std::span(&command, 1), repeat);
  if (replies[0].is_error()) throw_error_reply(state_->address, command_name(command), replies[0].text);
  return std::move(replies[0]);
}

std::vector<Reply> Client::pipeline(std::span<const Command> commands, Repeat repeat) {
  if (commands.empty()) return {};
  return state_->exchange(commands, repeat);
}

Reply Client::eval(const Script& script, const std::vector<std::string>& keys,
                   const std::vector<std::string>& args, Repeat repeat) {
  auto command = script.command(keys, args);
  auto reply = std::move(state_->exchange(std::span(&command, 1), repeat)[0]);
  if (reply.is_error() && reply.text.starts_with("NOSCRIPT")) {
    command[0] = "EVAL";
    command[1] = script.source();
    reply = std::move(state_->exchange(std::span(&command, 1), repeat)[0]);
  }
  if (reply.is_error()) throw_error_reply(state_->address, "a script", reply.text);
  return reply;
}

std::vector<Reply> Client::eval_each(const Script& script, std::span<const ScriptCall> calls, Repeat repeat) {
  std::vector<Command> commands;
  commands.reserve(calls.size());
  for (const auto& call : calls) commands.push_back(script.command(call.keys, call.args));
  if (commands.empty()) return {};
  auto replies = state_->exchange(commands, repeat);
  std::vector<size_t> unknown;
  for (size_t i = 0; i < replies.size(); ++i)
    if (replies[i].is_error() && replies[i].text.starts_with("NOSCRIPT")) unknown.push_back(i);
  if (unknown.empty()) return replies;
  std::vector<Command> again;
  for (const auto i : unknown) {
    again.push_back(std::move(commands[i]));
    if (again.size() == 1) {
      again[0][0] = "EVAL";
      again[0][1] = script.source();
    }
  }
  auto later = state_->exchange(again, repeat);
  for (size_t i = 0; i < unknown.size(); ++i) replies[unknown[i]] = std::move(later[i]);
  return replies;
}

Reply Client::block(const Command& command, base::Duration wait) {
  auto whole = command;
  // Redis takes 0 for "for ever".
  const double seconds = std::max(std::chrono::duration<double>(wait).count(), 0.001);
  whole.push_back(fmt::format("{:.3f}", seconds));
  const auto deadline = Clock::now() + wait + state_->options.command_timeout;
  std::unique_ptr<Connection> connection;
  {
    const std::lock_guard lock(state_->mutex);
    connection = state_->take_idle();
  }
  if (connection == nullptr) connection = state_->connect(deadline);
  auto reply = std::move(connection->exchange(std::span(&whole, 1), deadline)[0]);
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->idle.size() < state_->options.max_connections) state_->idle.push_back(std::move(connection));
  }
  if (reply.is_error()) throw_error_reply(state_->address, command_name(command), reply.text);
  return reply;
}

void Client::check(const Reply& reply, std::string_view doing) const {
  if (reply.is_error()) throw_error_reply(state_->address, std::string(doing), reply.text);
}

std::string Client::key(std::string_view name) const {
  return state_->connection.key_prefix + std::string(name);
}
const base::RedisConnection& Client::connection() const {
  return state_->connection;
}
std::string Client::address() const {
  return state_->address.text();
}
int Client::database() const {
  return state_->address.database;
}

}  // namespace tamis::redis
