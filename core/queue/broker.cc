#include "core/queue/broker.h"

#include <algorithm>
#include <atomic>

#include "core/base/error.h"
#include "core/base/id.h"
#include "core/base/json.h"
#include "core/queue/embedded.h"
#include "core/queue/keys.h"
#include "core/queue/message.h"
#include "core/redis/list_watch.h"

namespace tamis::queue {
namespace {

using base::Json;

int64_t milliseconds(base::Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

std::optional<base::Duration> eta_of(const redis::Reply& reply) {
  if (reply.integer < 0) return std::nullopt;
  return std::chrono::milliseconds(reply.integer);
}

class RedisBroker : public Broker {
 public:
  RedisBroker(std::shared_ptr<redis::Client> redis, Options options)
      : redis_(std::move(redis)), options_(std::move(options)) {
    // Two workers with one name must not release each other's messages.
    owner_prefix_ = options_.name + "/" + base::random_uuid().substr(0, 8) + ":";
    for (const auto& queue : options_.queues)
      if (queue.empty() || queue.find_first_of("\"\\\n\r") != std::string::npos)
        throw base::UserError(
            "\"{}\" can't be a queue's name: it must not be empty nor hold quotes, backslashes or line "
            "breaks",
            queue);
    std::vector<std::string> lists;
    for (const int step : priority_steps)
      for (const auto& queue : options_.queues) lists.push_back(redis_->key(list_name(queue, step)));
    if (!lists.empty()) watch_ = std::make_unique<redis::ListWatch>(redis_->connection(), std::move(lists));
  }

  Claim claim(size_t most) override {
    const auto owner = next_owner();
    auto keys = holding_keys();
    std::vector<std::string> args = {std::to_string(most), std::to_string(milliseconds(options_.lease)),
                                     owner};
    const size_t first = turn_++;
    for (const int step : priority_steps)
      for (size_t i = 0; i < options_.queues.size(); ++i) {
        const auto& queue = options_.queues[(first + i) % options_.queues.size()];
        keys.push_back(redis_->key(list_name(queue, step)));
        args.push_back(queue);
      }
    // Repeating is safe: what a lost answer told of comes back when its lease ends.
    const auto reply = redis_->eval(claim_script_, keys, args, redis::Client::Repeat::no);
    Claim claim;
    claim.next_eta = eta_of(reply.items.at(0));
    claim.deliveries = deliveries(reply, 1, owner);
    return claim;
  }

  bool wait(base::Duration wait) override { return watch_ != nullptr && watch_->wait(wait); }
  void wake() override {
    if (watch_ != nullptr) watch_->wake();
  }

  std::vector<bool> settle(std::span<const Delivery> deliveries) override {
    return release("settle", deliveries);
  }
  std::vector<bool> give_back(std::span<const Delivery> deliveries) override {
    return release("back", deliveries);
  }

  std::vector<bool> renew(std::span<const Delivery> deliveries) override {
    if (deliveries.empty()) return {};
    std::vector<std::string> args = {std::to_string(milliseconds(options_.lease))};
    for (const auto& delivery : deliveries) {
      args.push_back(delivery.tag);
      args.push_back(delivery.owner);
    }
    auto keys = holding_keys();
    keys.resize(4);
    return answers(redis_->eval(renew_script_, keys, args));
  }

  bool postpone(const Delivery& delivery, base::Instant eta) override {
    return release("postpone", std::span(&delivery, 1),
                   std::to_string(milliseconds(eta.time_since_epoch())))[0];
  }

  bool bury(const Delivery& delivery, const std::string& reason) override {
    const Json entry = {{"reason", reason},
                        {"at", base::format_rfc3339(base::now())},
                        {"queue", delivery.queue},
                        {"id", TaskMessage::id_of(delivery.envelope)},
                        {"envelope", delivery.envelope}};
    // What isn't UTF-8 can't stand in JSON: the bytes that aren't are replaced, as the message could not be
    // read anyway.
    const auto list = redis_->key(keys::join(keys::dead_prefix, delivery.queue));
    return release("bury", std::span(&delivery, 1),
                   list + "\n" + entry.dump(-1, ' ', false, Json::error_handler_t::replace))[0];
  }

  Restored restore() override {
    const auto owner = next_owner();
    const auto reply = redis_->eval(
        restore_script_, holding_keys(),
        {std::to_string(milliseconds(options_.lease)), owner, std::to_string(options_.max_losses),
         std::to_string(milliseconds(options_.visibility_timeout)), "1000", redis_->key("")});
    Restored restored;
    restored.next_eta = eta_of(reply.items.at(0));
    restored.given_back = reply.items.at(1).integer;
    restored.poisonous = deliveries(reply, 2, owner);
    return restored;
  }

 private:
  std::string next_owner() { return owner_prefix_ + std::to_string(++claims_); }

  std::vector<std::string> holding_keys() const {
    std::vector<std::string> out;
    for (const auto name : {keys::unacked, keys::unacked_index, keys::leases, keys::held, keys::losses,
                            keys::eta, keys::eta_messages})
      out.push_back(redis_->key(name));
    return out;
  }

  std::vector<Delivery> deliveries(const redis::Reply& reply, size_t from, const std::string& owner) const {
    std::vector<Delivery> out;
    const auto prefix = redis_->key("").size();
    for (size_t i = from; i + 3 < reply.items.size(); i += 4) {
      const auto& list = reply.items[i + 1].text;
      out.push_back({reply.items[i].text, owner, std::string(queue_of(std::string_view(list).substr(prefix))),
                     reply.items[i + 2].text, std::atoi(reply.items[i + 3].text.c_str())});
    }
    return out;
  }

  std::vector<bool> release(const char* verb, std::span<const Delivery> deliveries,
                            const std::string& more = "") {
    if (deliveries.empty()) return {};
    std::vector<std::string> args = {verb};
    for (const auto& delivery : deliveries) {
      args.push_back(delivery.tag);
      args.push_back(delivery.owner);
      args.push_back(more);
    }
    return answers(redis_->eval(release_script_, holding_keys(), args));
  }

  static std::vector<bool> answers(const redis::Reply& reply) {
    std::vector<bool> out;
    for (const auto& item : reply.items) out.push_back(item.integer == 1);
    return out;
  }

  const redis::Script claim_script_{scripts::claim}, release_script_{scripts::release},
      renew_script_{scripts::renew}, restore_script_{scripts::restore};
  std::shared_ptr<redis::Client> redis_;
  Options options_;
  std::string owner_prefix_;
  std::unique_ptr<redis::ListWatch> watch_;
  std::atomic<uint64_t> claims_ = 0;
  std::atomic<size_t> turn_ = 0;
};

}  // namespace

std::unique_ptr<Broker> make_redis_broker(std::shared_ptr<redis::Client> redis, Broker::Options options) {
  return std::make_unique<RedisBroker>(std::move(redis), std::move(options));
}

std::vector<DeadLetter> read_dead_letters(redis::Client& redis, const std::string& queue, int64_t most) {
  const auto reply =
      redis.run({"LRANGE", redis.key(keys::join(keys::dead_prefix, queue)), "0", std::to_string(most - 1)});
  std::vector<DeadLetter> letters;
  for (const auto& item : reply.items) {
    DeadLetter letter;
    letter.queue = queue;
    try {
      const auto json = Json::parse(item.text);
      letter.reason = json.value("reason", "");
      letter.id = json.value("id", "");
      letter.envelope = json.value("envelope", "");
      letter.at = base::parse_rfc3339(json.value("at", "")).value_or(base::Instant{});
    } catch (const Json::exception&) {
      letter.envelope = item.text;
    }
    letters.push_back(std::move(letter));
  }
  return letters;
}

}  // namespace tamis::queue
