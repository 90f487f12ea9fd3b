#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "core/base/error.h"
#include "core/workflow/embedded.h"
#include "core/workflow/run_store.h"

namespace tamis::workflow {
namespace {

using base::Instant;
using base::Json;
using redis::Command;
using redis::Reply;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string seconds(Instant instant) {
  return fmt::format("{:.6f}", static_cast<double>(instant.time_since_epoch().count()) / 1e6);
}

Json event(std::string_view what, const std::string& dag_id, const std::string& run_id = "") {
  Json json = {{"event", what}, {"dag_id", dag_id}};
  if (!run_id.empty()) json["run_id"] = run_id;
  return json;
}

/// Every key of DAGs and runs; described in docs/redis-keys.md.
class Keys {
 public:
  explicit Keys(const redis::Client& client) : client_(client) {}
  std::string dags() const { return client_.key("tamis:dags"); }
  std::string dag(const std::string& dag_id) const { return client_.key("tamis:dag:" + dag_id); }
  std::string versions(const std::string& dag_id) const { return client_.key("tamis:versions:" + dag_id); }
  /// When each version was first seen.
  std::string version_times(const std::string& dag_id) const {
    return client_.key("tamis:version_times:" + dag_id);
  }
  std::string progress(const std::string& dag_id) const { return client_.key("tamis:progress:" + dag_id); }
  std::string runs(const std::string& dag_id) const { return client_.key("tamis:runs:" + dag_id); }
  std::string all_runs() const { return client_.key("tamis:runs"); }
  std::string live() const { return client_.key("tamis:live"); }
  std::string run(const std::string& dag_id, const std::string& run_id) const {
    return client_.key("tamis:run:" + dag_id + ":" + run_id);
  }
  std::string tasks(const std::string& dag_id, const std::string& run_id) const {
    return client_.key("tamis:tasks:" + dag_id + ":" + run_id);
  }
  std::string import_errors() const { return client_.key("tamis:import_errors"); }
  std::string requests() const { return client_.key("tamis:requests"); }
  std::string answer(const std::string& id) const { return client_.key("tamis:answer:" + id); }
  std::string lease() const { return client_.key("tamis:leader"); }
  std::string token() const { return client_.key("tamis:leader:token"); }
  std::string channel() const { return client_.key("tamis:events"); }

  /// How sets of runs name one; a dag_id holds no blank.
  static std::string member(const std::string& dag_id, const std::string& run_id) {
    return dag_id + " " + run_id;
  }

 private:
  const redis::Client& client_;
};

std::map<std::string, std::string> as_map(const Reply& reply) {
  std::map<std::string, std::string> out;
  for (size_t i = 0; i + 1 < reply.items.size(); i += 2) out[reply.items[i].text] = reply.items[i + 1].text;
  return out;
}

/// Requests beyond so many are refused: nobody takes them.
constexpr int max_requests = 10'000;
constexpr int answer_seconds = 600;

const Reply& checked(const Reply& reply) {
  if (reply.is_error()) throw base::Error("Redis refused: {}", reply.text);
  return reply;
}

Json parse(const std::string& text) {
  auto json = Json::parse(text, nullptr, false);
  return json.is_discarded() ? Json(nullptr) : json;
}

/// The fields of a run's hash, each readable by itself.
std::vector<std::pair<std::string, std::string>> run_fields(const DagRun& run) {
  std::vector<std::pair<std::string, std::string>> fields;
  Json json = run.json();
  json.erase("tasks");
  for (const auto& [key, value] : json.items())
    fields.emplace_back(key, value.is_string() ? value.get<std::string>() : dump(value));
  return fields;
}

DagRun run_from(const std::map<std::string, std::string>& fields) {
  Json json = Json::object();
  for (const auto& [key, value] : fields)
    json[key] = key == "conf" || key == "plans" ? parse(value) : Json(value);
  return DagRun::from_json(json);
}

class RedisRunStore : public RunStore {
 public:
  explicit RedisRunStore(std::shared_ptr<redis::Client> client)
      : client_(std::move(client)), keys_(*client_) {}

  void put_dag(const DagEntry& entry) override {
    const Dag& dag = entry.dag;
    const std::string json = dump(dag.json());
    std::vector<Command> commands{
        {"HSET", keys_.dag(dag.dag_id), "json", json, "version", dag.version, "file", dag.file,
         "import_errors", entry.has_import_errors ? "1" : "0", "next_run",
         entry.next_run ? base::format_rfc3339(*entry.next_run) : ""},
        // Whether it is paused is the user's: only a new DAG is told.
        {"HSETNX", keys_.dag(dag.dag_id), "paused", entry.is_paused ? "1" : "0"},
        {"HSETNX", keys_.versions(dag.dag_id), dag.version, json},
        {"ZADD", keys_.version_times(dag.dag_id), "NX", seconds(base::now()), dag.version},
        {"SADD", keys_.dags(), dag.dag_id},
        {"PUBLISH", keys_.channel(), dump(event("dag", dag.dag_id))}};
    for (const auto& reply : client_->pipeline(commands)) checked(reply);
  }

  void set_next_run(const std::string& dag_id, std::optional<Instant> at) override {
    client_->run({"HSET", keys_.dag(dag_id), "next_run", at ? base::format_rfc3339(*at) : ""});
  }

  void remove_dag(const std::string& dag_id) override {
    const std::vector<Command> commands{
        // Its pause and its last interval stay, for when the file comes back.
        {"HDEL", keys_.dag(dag_id), "json", "version", "file", "import_errors", "next_run"},
        {"SREM", keys_.dags(), dag_id},
        {"PUBLISH", keys_.channel(), dump(event("dag_removed", dag_id))}};
    for (const auto& reply : client_->pipeline(commands)) checked(reply);
  }

  std::optional<DagEntry> dag(const std::string& dag_id) override {
    auto entries = read({dag_id});
    return entries.empty() ? std::nullopt : std::optional(std::move(entries[0]));
  }

  std::vector<DagEntry> dags() override {
    std::vector<std::string> ids;
    for (const auto& item : client_->run({"SMEMBERS", keys_.dags()}).items) ids.push_back(item.text);
    std::sort(ids.begin(), ids.end());
    return read(ids);
  }

  std::optional<Dag> dag_version(const std::string& dag_id, const std::string& version) override {
    const Reply reply = client_->run({"HGET", keys_.versions(dag_id), version});
    if (reply.is_nil()) return std::nullopt;
    return Dag::from_json(Json::parse(reply.text));
  }

  bool set_paused(const std::string& dag_id, bool paused) override {
    static const redis::Script script(scripts::set_paused);
    return client_
               ->eval(script, {keys_.dag(dag_id)},
                      {paused ? "1" : "0", keys_.channel(), dump(event("dag_paused", dag_id))})
               .integer == 1;
  }

  void set_import_errors(const std::vector<ImportError>& errors) override {
    std::vector<Command> commands{{"MULTI"}, {"DEL", keys_.import_errors()}};
    for (const auto& error : errors)
      commands.push_back({"HSET", keys_.import_errors(), error.file,
                          dump({{"text", error.text},
                                {"findings", error.findings},
                                {"at", base::format_rfc3339(error.at)}})});
    commands.push_back({"EXEC"});
    for (const auto& reply : client_->pipeline(commands)) checked(reply);
  }

  std::vector<ImportError> import_errors() override {
    std::vector<ImportError> out;
    for (const auto& [file, text] : as_map(client_->run({"HGETALL", keys_.import_errors()}))) {
      const Json json = parse(text);
      if (!json.is_object()) continue;
      out.push_back({file, json.value("text", ""), json.value("findings", Json::array()),
                     base::parse_rfc3339(json.value("at", "")).value_or(Instant{})});
    }
    return out;
  }

  void create(const DagRun& run) override {
    static const redis::Script script(scripts::create_run);
    const std::string key = keys_.run(run.dag_id, run.run_id);
    std::string twin = key, last_interval;
    if (run.run_type == "scheduled" || run.run_type == "backfill") {
      const std::string other = run.run_type == "scheduled" ? "backfill" : "scheduled";
      twin = keys_.run(run.dag_id, other + "__" + base::format_isoformat(run.logical_date));
      last_interval =
          base::format_rfc3339(run.data_interval.begin) + "/" + base::format_rfc3339(run.data_interval.end);
    }
    const auto fields = run_fields(run);
    const auto member = Keys::member(run.dag_id, run.run_id);
    std::vector<std::string> args{run.run_id,
                                  member,
                                  seconds(run.logical_date),
                                  seconds(run.queued_at),
                                  keys_.channel(),
                                  dump(event("run_created", run.dag_id, run.run_id)),
                                  last_interval,
                                  std::to_string(fields.size())};
    for (const auto& [field, value] : fields) {
      args.push_back(field);
      args.push_back(value);
    }
    for (const auto& task : run.tasks) {
      args.push_back(task.name());
      args.push_back(dump(task.json()));
    }
    const Reply reply = client_->eval(script,
                                      {key, keys_.tasks(run.dag_id, run.run_id), keys_.runs(run.dag_id),
                                       keys_.all_runs(), keys_.live(), keys_.dag(run.dag_id), twin},
                                      args, redis::Client::Repeat::no);
    if (reply.integer != 1)
      throw base::Conflict("DAG \"{}\" has a run \"{}\" already{}", run.dag_id, run.run_id,
                           twin == key ? "" : ", or another one of this logical date");
  }

  std::optional<DagRun> run(const std::string& dag_id, const std::string& run_id) override {
    auto found = read_runs({{dag_id, run_id}}, true);
    return found.empty() ? std::nullopt : std::optional(std::move(found[0]));
  }

  std::vector<DagRun> runs(const RunQuery& query) override {
    if (!query.state) return read_runs(names(query.dag_id, query.offset, query.limit), false);
    // Of a state: looked for from the newest on, as no index by state is kept.
    std::vector<DagRun> out;
    size_t skipped = 0;
    for (size_t at = 0; out.size() < query.limit; at += 500) {
      const auto page = names(query.dag_id, at, 500);
      for (auto& found : read_runs(page, false))
        if (found.state == *query.state && skipped++ >= query.offset && out.size() < query.limit)
          out.push_back(std::move(found));
      if (page.size() < 500) break;
    }
    return out;
  }

  size_t count_runs(const RunQuery& query) override {
    if (!query.state)
      return static_cast<size_t>(
          client_->run({"ZCARD", query.dag_id.empty() ? keys_.all_runs() : keys_.runs(query.dag_id)})
              .integer);
    size_t count = 0;
    for (size_t at = 0;; at += 500) {
      const auto page = names(query.dag_id, at, 500);
      for (const auto& found : read_runs(page, false)) count += found.state == *query.state ? 1 : 0;
      if (page.size() < 500) return count;
    }
  }

  std::vector<DagRun> live_runs() override {
    std::vector<std::pair<std::string, std::string>> live;
    for (const auto& item : client_->run({"SMEMBERS", keys_.live()}).items) live.push_back(split(item.text));
    std::vector<DagRun> out;
    for (size_t at = 0; at < live.size(); at += 500) {
      const auto end = std::min(live.size(), at + 500);
      auto page = read_runs(
          {live.begin() + static_cast<int64_t>(at), live.begin() + static_cast<int64_t>(end)}, true);
      std::move(page.begin(), page.end(), std::back_inserter(out));
    }
    return out;
  }

  std::string ask(const Json& body) override {
    static const redis::Script script(scripts::ask);
    const Reply reply =
        client_->eval(script, {keys_.requests()},
                      {dump(body), std::to_string(max_requests), keys_.channel(), R"({"event":"request"})"},
                      redis::Client::Repeat::no);
    if (reply.is_nil())
      throw base::TransientError("{} requests wait for a scheduler already; is one running?", max_requests);
    return reply.text;
  }

  std::vector<RequestEntry> requests() override {
    std::vector<RequestEntry> out;
    for (const auto& entry : client_->run({"XRANGE", keys_.requests(), "-", "+"}).items)
      if (entry.items.size() == 2 && entry.items[1].items.size() >= 2)
        out.push_back({entry.items[0].text, parse(entry.items[1].items[1].text)});
    return out;
  }

  std::optional<Json> answer_of(const std::string& id) override {
    const Reply reply = client_->run({"GET", keys_.answer(id)});
    return reply.is_nil() ? std::nullopt : std::optional(parse(reply.text));
  }

  bool withdraw(const std::string& id) override {
    return client_->run({"XDEL", keys_.requests(), id}).integer == 1;
  }

  std::unique_ptr<redis::Subscription> follow(std::function<void(const std::string&)> on_event) override {
    return std::make_unique<redis::Subscription>(
        client_->connection(), std::vector<std::string>{keys_.channel()}, std::vector<std::string>{},
        [on_event](const std::string&, const std::string& payload) { on_event(payload); },
        // Events may have been missed: who follows looks at everything again.
        [on_event] { on_event(R"({"event":"connected"})"); });
  }

 private:
  static std::pair<std::string, std::string> split(const std::string& member) {
    const size_t blank = member.find(' ');
    return {member.substr(0, blank), blank == std::string::npos ? "" : member.substr(blank + 1)};
  }

  std::vector<std::pair<std::string, std::string>> names(const std::string& dag_id, size_t offset,
                                                         size_t limit) {
    std::vector<std::pair<std::string, std::string>> out;
    if (limit == 0) return out;
    const Reply reply = client_->run({"ZRANGE", dag_id.empty() ? keys_.all_runs() : keys_.runs(dag_id),
                                      std::to_string(offset), std::to_string(offset + limit - 1), "REV"});
    for (const auto& item : reply.items)
      out.push_back(dag_id.empty() ? split(item.text) : std::pair(dag_id, item.text));
    return out;
  }

  std::vector<DagRun> read_runs(const std::vector<std::pair<std::string, std::string>>& wanted,
                                bool with_tasks) {
    std::vector<Command> commands;
    for (const auto& [dag_id, run_id] : wanted) {
      commands.push_back({"HGETALL", keys_.run(dag_id, run_id)});
      if (with_tasks) commands.push_back({"HVALS", keys_.tasks(dag_id, run_id)});
    }
    const auto replies = client_->pipeline(commands);
    std::vector<DagRun> out;
    for (size_t i = 0; i < replies.size(); i += with_tasks ? 2 : 1) {
      const auto fields = as_map(checked(replies[i]));
      if (fields.empty()) continue;
      DagRun run = run_from(fields);
      if (with_tasks) {
        for (const auto& item : checked(replies[i + 1]).items)
          run.tasks.push_back(TaskInstance::from_json(Json::parse(item.text)));
        std::sort(run.tasks.begin(), run.tasks.end(), [](const auto& a, const auto& b) {
          return std::tie(a.task_id, a.map_index) < std::tie(b.task_id, b.map_index);
        });
      }
      out.push_back(std::move(run));
    }
    return out;
  }

  std::vector<DagEntry> read(const std::vector<std::string>& ids) {
    std::vector<Command> commands;
    for (const auto& id : ids) {
      commands.push_back({"HGETALL", keys_.dag(id)});
      commands.push_back({"HGETALL", keys_.progress(id)});
    }
    const auto replies = client_->pipeline(commands);
    std::vector<DagEntry> out;
    for (size_t i = 0; i + 1 < replies.size(); i += 2) {
      auto fields = as_map(checked(replies[i]));
      if (!fields.contains("json")) continue;
      DagEntry entry;
      entry.dag = Dag::from_json(Json::parse(fields["json"]));
      entry.is_paused = fields["paused"] == "1";
      entry.has_import_errors = fields["import_errors"] == "1";
      entry.next_run = base::parse_rfc3339(fields["next_run"]);
      const std::string& last = fields["last_interval"];
      if (const size_t slash = last.find('/'); slash != std::string::npos) {
        const auto begin = base::parse_rfc3339(last.substr(0, slash)),
                   end = base::parse_rfc3339(last.substr(slash + 1));
        if (begin && end) entry.last_interval = base::Interval{*begin, *end};
      }
      for (const auto& [task, text] : as_map(checked(replies[i + 1]))) entry.progress[task] = parse(text);
      out.push_back(std::move(entry));
    }
    return out;
  }

  std::shared_ptr<redis::Client> client_;
  Keys keys_;
};

class RedisRunWriter : public RunWriter {
 public:
  explicit RedisRunWriter(std::shared_ptr<redis::Client> client)
      : client_(std::move(client)), keys_(*client_) {}

  std::vector<Applied> apply(const std::vector<RunChange>& changes, int64_t token) override {
    static const redis::Script script(scripts::change_run);
    std::vector<redis::ScriptCall> calls;
    for (const auto& change : changes) calls.push_back(call(change, token));
    std::vector<Applied> out;
    // Not repeated by the client: a change that was made and is sent again finds another state and would seem
    // stale.
    for (const auto& reply : client_->eval_each(script, calls, redis::Client::Repeat::no)) {
      const auto answer = checked(reply).integer;
      out.push_back(answer == 1 ? Applied::yes : answer == 0 ? Applied::stale : Applied::fenced);
    }
    return out;
  }

  Applied answer(const RequestAnswer& answer, int64_t token) override {
    static const redis::Script script(scripts::answer);
    const auto taken =
        client_
            ->eval(script, {keys_.token(), keys_.requests(), keys_.answer(answer.id)},
                   {std::to_string(token), answer.id, dump(answer.answer), std::to_string(answer_seconds)},
                   redis::Client::Repeat::no)
            .integer;
    return taken == 1 ? Applied::yes : taken == 0 ? Applied::stale : Applied::fenced;
  }

  size_t trim_versions(const std::string& dag_id, size_t keep) override {
    std::vector<std::string> versions;
    for (const auto& item : client_->run({"HKEYS", keys_.versions(dag_id)}).items)
      versions.push_back(item.text);
    if (versions.size() <= keep) return 0;
    std::set<std::string> kept;
    for (const auto& item : client_
                                ->run({"ZRANGE", keys_.version_times(dag_id), "0",
                                       std::to_string(keep == 0 ? 0 : keep - 1), "REV"})
                                .items)
      kept.insert(item.text);
    std::vector<Command> commands;
    for (const auto& item : client_->run({"ZRANGE", keys_.runs(dag_id), "0", "-1"}).items)
      commands.push_back({"HGET", keys_.run(dag_id, item.text), "dag_version"});
    commands.push_back({"HGET", keys_.dag(dag_id), "version"});
    for (const auto& reply : client_->pipeline(commands)) kept.insert(checked(reply).text);
    Command from_hash{"HDEL", keys_.versions(dag_id)}, from_times{"ZREM", keys_.version_times(dag_id)};
    for (const auto& version : versions)
      if (!kept.contains(version)) {
        from_hash.push_back(version);
        from_times.push_back(version);
      }
    if (from_hash.size() == 2) return 0;
    client_->run(from_times);
    return static_cast<size_t>(client_->run(from_hash).integer);
  }

  size_t trim(const std::string& dag_id, size_t keep, size_t at_most) override {
    static const redis::Script script(scripts::delete_run);
    const auto count = static_cast<size_t>(client_->run({"ZCARD", keys_.runs(dag_id)}).integer);
    if (count <= keep) return 0;
    const size_t surplus = std::min(count - keep, at_most);
    std::vector<redis::ScriptCall> calls;
    for (const auto& item :
         client_->run({"ZRANGE", keys_.runs(dag_id), "0", std::to_string(surplus - 1)}).items)
      calls.push_back({{keys_.run(dag_id, item.text), keys_.tasks(dag_id, item.text), keys_.runs(dag_id),
                        keys_.all_runs()},
                       {item.text, Keys::member(dag_id, item.text)}});
    size_t deleted = 0;
    for (const auto& reply : client_->eval_each(script, calls))
      deleted += checked(reply).integer == 1 ? 1 : 0;
    return deleted;
  }

 private:
  redis::ScriptCall call(const RunChange& change, int64_t token) const {
    redis::ScriptCall call;
    call.keys = {
        keys_.token(), keys_.run(change.dag_id, change.run_id), keys_.tasks(change.dag_id, change.run_id),
        keys_.live(),  keys_.progress(change.dag_id),           keys_.requests()};
    Json told = event("run_changed", change.dag_id, change.run_id);
    told["state"] = state_name(change.to);
    auto& args = call.args;
    args = {std::to_string(token),
            std::string(state_name(change.from)),
            std::string(state_name(change.to)),
            Keys::member(change.dag_id, change.run_id),
            keys_.channel(),
            dump(told)};
    std::vector<std::pair<std::string, std::string>> fields;
    if (change.restart)
      for (const char* field : {"start_date", "end_date"}) fields.emplace_back(field, "");
    if (change.start_date) fields.emplace_back("start_date", base::format_rfc3339(*change.start_date));
    if (change.end_date) fields.emplace_back("end_date", base::format_rfc3339(*change.end_date));
    if (!change.plans.is_null()) fields.emplace_back("plans", dump(change.plans));
    args.push_back(std::to_string(fields.size()));
    for (auto& [field, value] : fields) {
      args.push_back(std::move(field));
      args.push_back(std::move(value));
    }
    args.push_back(std::to_string(change.progress.is_object() ? change.progress.size() : 0));
    if (change.progress.is_object())
      for (const auto& [task, value] : change.progress.items()) {
        args.push_back(task);
        args.push_back(dump(value));
      }
    args.push_back(std::to_string(change.tasks.size()));
    for (const auto& task : change.tasks) {
      args.push_back(task.to.name());
      args.push_back(task.from ? TaskInstance::prefix(*task.from, task.from_try) : "");
      args.push_back(task.remove ? "" : dump(task.to.json()));
    }
    args.push_back(std::to_string(answer_seconds));
    for (const auto& answer : change.answers) {
      call.keys.push_back(keys_.answer(answer.id));
      args.push_back(answer.id);
      args.push_back(dump(answer.answer));
    }
    return call;
  }

  std::shared_ptr<redis::Client> client_;
  Keys keys_;
};

class RedisLeaderLease : public LeaderLease {
 public:
  explicit RedisLeaderLease(std::shared_ptr<redis::Client> client)
      : client_(std::move(client)), keys_(*client_) {}
  std::optional<int64_t> hold(const std::string& name, base::Duration lease) override {
    static const redis::Script script(scripts::hold_lease);
    const Reply reply =
        client_->eval(script, {keys_.lease(), keys_.token()}, {name, std::to_string(lease.count() / 1000)});
    return reply.is_nil() ? std::nullopt : std::optional(reply.integer);
  }
  void release(const std::string& name) override {
    static const redis::Script script(scripts::release_lease);
    client_->eval(script, {keys_.lease()}, {name});
  }
  std::string leader() override { return client_->run({"GET", keys_.lease()}).text; }

 private:
  std::shared_ptr<redis::Client> client_;
  Keys keys_;
};

}  // namespace

std::unique_ptr<RunStore> make_redis_run_store(std::shared_ptr<redis::Client> client) {
  return std::make_unique<RedisRunStore>(std::move(client));
}
std::unique_ptr<RunWriter> make_redis_run_writer(std::shared_ptr<redis::Client> client) {
  return std::make_unique<RedisRunWriter>(std::move(client));
}
std::unique_ptr<LeaderLease> make_redis_leader_lease(std::shared_ptr<redis::Client> client) {
  return std::make_unique<RedisLeaderLease>(std::move(client));
}

}  // namespace tamis::workflow
