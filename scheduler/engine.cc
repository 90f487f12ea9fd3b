#include "scheduler/engine.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <unordered_map>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/queue/broker.h"
#include "core/queue/producer.h"
#include "core/queue/reaper.h"
#include "core/queue/results.h"
#include "core/queue/roster.h"
#include "scheduler/dag_folder.h"
#include "scheduler/dispatch.h"
#include "scheduler/planner.h"
#include "tasks/operator_table.h"

namespace tamis::scheduler {

using base::Instant;
using base::Json;
using std::chrono::seconds;
using workflow::Applied;

namespace {

/// A try whose queue holds nothing, twice in a row this far apart, has lost its message.
constexpr auto lost_after = seconds(15);

/// How often what dead workers held is given back: by workers too, but there may be none.
constexpr auto reap_every = seconds(7);

/// Versions of a DAG that are kept though no stored run uses them.
constexpr size_t keep_versions = 10;

queue::Broker::Options reaping(const std::string& name) {
  queue::Broker::Options options;
  options.name = name;
  return options;
}

struct InFlight {
  Send send;
  Instant since{};
  int missing = 0;  ///< audits in a row that found its queue empty
};

/// What other threads hand to the engine's.
class Inbox {
 public:
  void add(Event event) {
    put([&] { events_.push_back(std::move(event)); });
  }
  void add(queue::TaskResult result) {
    put([&] { results_.push_back(std::move(result)); });
  }
  void told(std::string event) {
    put([&] { told_.push_back(std::move(event)); });
  }
  void folder_changed() {
    put([&] { folder_ = true; });
  }
  void poll_wanted() {
    put([&] { poll_ = true; });
  }

  struct Content {
    std::vector<Event> events;
    std::vector<queue::TaskResult> results;
    std::vector<std::string> told;
    bool folder = false, poll = false;
  };
  Content wait(Instant until, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    wake_.wait_until(lock, stop, std::chrono::system_clock::time_point(until), [&] { return any_; });
    any_ = false;
    return {std::exchange(events_, {}), std::exchange(results_, {}), std::exchange(told_, {}),
            std::exchange(folder_, false), std::exchange(poll_, false)};
  }

 private:
  template <typename Put>
  void put(Put into) {
    std::lock_guard lock(mutex_);
    into();
    any_ = true;
    wake_.notify_one();
  }
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::vector<Event> events_;
  std::vector<queue::TaskResult> results_;
  std::vector<std::string> told_;
  bool folder_ = false, poll_ = false, any_ = false;
};

}  // namespace

struct Engine::State {
  State(EngineOptions o, base::Connections connections, std::shared_ptr<redis::Client> c)
      : options(std::move(o)),
        client(std::move(c)),
        store(workflow::make_redis_run_store(client)),
        writer(workflow::make_redis_run_writer(client)),
        lease(workflow::make_redis_leader_lease(client)),
        producer(client),
        results(client),
        roster(client),
        broker(queue::make_redis_broker(client, reaping(options.name))),
        folder(options.dags, tasks::operator_table(), [this] { inbox.folder_changed(); }),
        planner(std::move(connections), options.planner_threads,
                [this](Planned planned) { inbox.add(Event(std::move(planned))); }) {}

  EngineOptions options;
  std::shared_ptr<redis::Client> client;
  std::unique_ptr<workflow::RunStore> store;
  std::unique_ptr<workflow::RunWriter> writer;
  std::unique_ptr<workflow::LeaderLease> lease;
  queue::Producer producer;
  queue::Results results;
  queue::Roster roster;
  std::unique_ptr<queue::Broker> broker;  ///< claims nothing, only gives back what dead workers held
  Inbox inbox;
  DagFolder folder;
  Planner planner;

  scheduler::State live;
  std::unordered_map<std::string, InFlight> in_flight;  ///< by Celery id
  std::unordered_map<std::string, InFlight> known;  ///< while reading all again: what was in flight before
  std::map<std::pair<std::string, std::string>, CompiledDagPtr> versions;
  std::optional<int64_t> token;
  bool must_reload = true;
  Instant lease_at{}, lease_end{}, poll_at{}, audit_at{}, reap_at{}, retry_at{};
  int failures = 0;
  std::atomic<bool> leads{false}, reachable{true};
  std::atomic<size_t> live_runs{0};

  base::Counter sent = base::counter("tamis_scheduler_messages_sent_total", "messages put onto queues");
  base::Counter resent =
      base::counter("tamis_scheduler_messages_resent_total", "messages sent again as they were lost");
  base::Counter ended_runs =
      base::counter("tamis_scheduler_runs_ended_total", "runs that ended", {{"state", "success"}});
  base::Counter failed_runs =
      base::counter("tamis_scheduler_runs_ended_total", "runs that ended", {{"state", "failed"}});
  base::Gauge leading = base::gauge("tamis_scheduler_leads", "1 when this scheduler leads");
  base::Gauge flying = base::gauge("tamis_scheduler_tasks_in_flight", "task instances queued or running");
  base::Gauge live_gauge = base::gauge("tamis_scheduler_live_runs", "runs queued or running");
  base::Histogram step_seconds =
      base::histogram("tamis_scheduler_step_seconds", "time to decide and act upon what happened");

  CompiledDagPtr version(const std::string& dag_id, const std::string& id) {
    auto& kept = versions[{dag_id, id}];
    if (kept == nullptr)
      if (auto dag = store->dag_version(dag_id, id)) kept = CompiledDag::of(std::move(*dag));
    return kept;
  }

  void step_down(const char* why) {
    if (leads) base::log_warn("leadership lost", {{"why", why}});
    leads = false;
    leading.set(0);
    token.reset();
    live = {};
    in_flight.clear();
    must_reload = true;
  }

  void hold_lease(Instant now) {
    lease_at = now + options.leader_lease / 3;
    const auto held = lease->hold(options.name, options.leader_lease);
    lease_end = now + options.leader_lease;
    if (!held) {
      if (leads) step_down("another scheduler holds the lease");
      return;
    }
    if (token != held) {
      step_down("the lease is a new one");
      token = held;
      leads = true;
      leading.set(1);
      base::log_info("leadership taken", {{"scheduler", options.name}, {"token", *held}});
    }
  }

  /// All that is stored, and all that is in the folder, into memory.
  void reload(Instant now) {
    live = {};
    // What this scheduler sent itself needs no second copy; of what another sent nobody can know.
    known = std::exchange(in_flight, {});
    versions.clear();
    std::vector<Event> events;
    sync_folder(events, true);
    for (auto& run : store->live_runs()) {
      auto dag = version(run.dag_id, run.dag_version);
      if (dag == nullptr)
        base::log_error("run's DAG version lost", {{"dag", run.dag_id}, {"run", run.run_id}});
      events.push_back(RunSeen{std::move(run), dag});
    }
    // Runs in the order in which they began, as their plans follow each other.
    std::stable_sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
      const auto* x = std::get_if<RunSeen>(&a);
      const auto* y = std::get_if<RunSeen>(&b);
      if (x == nullptr || y == nullptr) return x == nullptr && y != nullptr;
      return std::tuple(x->run.start_date.value_or(Instant::max()), x->run.logical_date) <
             std::tuple(y->run.start_date.value_or(Instant::max()), y->run.logical_date);
    });
    must_reload = false;
    // What runs under a former leader has no message from us: it is looked for among the results.
    for (const auto& event : events)
      if (const auto* seen = std::get_if<RunSeen>(&event); seen != nullptr && seen->dag != nullptr)
        for (const auto& task : seen->run.tasks)
          if ((task.state == workflow::TaskState::running || task.state == workflow::TaskState::restarting) &&
              !task.celery_id.empty())
            fly(*seen, task, now);
    take_requests(events);
    act(decide(live, events, now, options.limits), now);
    known.clear();
    poll_results(now);
  }

  void fly(const RunSeen& seen, const workflow::TaskInstance& task, Instant now) {
    const TaskKey key{seen.run.dag_id, seen.run.run_id, task.task_id, task.map_index, task.try_number};
    Send send{key, seen.dag, task.slice, std::nullopt, seen.run.data_interval};
    if (seen.run.plans.contains(task.task_id) && seen.run.plans[task.task_id]["watermark"].is_string())
      send.watermark = base::parse_rfc3339(seen.run.plans[task.task_id]["watermark"].get<std::string>());
    in_flight[task.celery_id] = {std::move(send), now};
  }

  /// Brings the store in line with the folder, and adds what changed to `events`.
  void sync_folder(std::vector<Event>& events, bool all) {
    const auto content = folder.content();
    std::map<std::string, workflow::DagEntry> stored;
    for (auto& entry : store->dags()) stored.emplace(entry.dag.dag_id, std::move(entry));
    std::set<std::string> broken;
    for (const auto& error : content->errors) broken.insert(error.file);
    for (const auto& [dag_id, dag] : content->dags) {
      const auto found = stored.find(dag_id);
      workflow::DagEntry entry = found == stored.end() ? workflow::DagEntry{} : found->second;
      const bool is_new = found == stored.end();
      if (is_new) entry.is_paused = dag->is_paused_upon_creation;
      const bool has_errors = broken.contains(dag->file);
      const bool changed = is_new || has_errors != entry.has_import_errors || entry.dag.json() != dag->json();
      entry.has_import_errors = has_errors;
      entry.dag = *dag;
      if (changed) {
        store->put_dag(entry);
        writer->trim_versions(dag_id, keep_versions);
        base::log_info("DAG stored", {{"dag", dag_id}, {"version", dag->version}});
      }
      auto& compiled = versions[{dag_id, dag->version}];
      if (compiled == nullptr || compiled->dag.json() != dag->json()) compiled = CompiledDag::of(*dag);
      if (changed || all)
        events.push_back(DagSeen{compiled, entry.is_paused, entry.last_interval, entry.progress});
      stored.erase(dag_id);
    }
    for (auto& [dag_id, entry] : stored) {
      if (broken.contains(entry.dag.file)) {
        // Its file is broken and was before this scheduler began: the last good version stays in force.
        if (!entry.has_import_errors) {
          entry.has_import_errors = true;
          store->put_dag(entry);
        }
        if (all)
          events.push_back(
              DagSeen{CompiledDag::of(entry.dag), entry.is_paused, entry.last_interval, entry.progress});
        continue;
      }
      store->remove_dag(dag_id);
      events.push_back(DagGone{dag_id});
      base::log_info("DAG removed", {{"dag", dag_id}});
    }
    store->set_import_errors(content->errors);
  }

  void take(Inbox::Content content, std::vector<Event>& events, Instant now) {
    if (content.folder) sync_folder(events, false);
    bool is_asked = false;
    std::move(content.events.begin(), content.events.end(), std::back_inserter(events));
    for (const auto& text : content.told) {
      const Json told = Json::parse(text, nullptr, false);
      if (!told.is_object()) continue;
      const auto what = told.value("event", ""), dag_id = told.value("dag_id", "");
      if (what == "run_created") take_run(dag_id, told.value("run_id", ""), events);
      if (what == "dag_paused")
        if (const auto entry = store->dag(dag_id)) events.push_back(DagPaused{dag_id, entry->is_paused});
      if (what == "request") is_asked = true;
      // Messages may have been missed: everything is looked at again.
      if (what == "connected") must_reload = true;
    }
    for (const auto& result : content.results) take_result(result, events);
    if (content.poll) poll_at = now;
    if (is_asked) take_requests(events);
  }

  /// What people ask for.  Nothing is remembered of it here: it stands in Redis until the change that fulfils
  /// it has been made.
  void take_requests(std::vector<Event>& events) {
    for (const auto& entry : store->requests()) {
      ClearAsked asked;
      asked.id = entry.id;
      try {
        asked.request = workflow::ClearRequest::from_json(entry.body);
      } catch (const base::UserError& error) {
        base::log_warn("request refused", {{"id", entry.id}, {"error", error.what()}});
        writer->answer({entry.id, {{"error", error.what()}}}, token.value_or(0));
        continue;
      }
      const auto& request = asked.request;
      asked.run = store->run(request.dag_id, request.run_id);
      if (asked.run) asked.dag = version(request.dag_id, asked.run->dag_version);
      base::log_info("clear asked for",
                     {{"dag", request.dag_id}, {"run", request.run_id}, {"request", entry.id}});
      events.push_back(std::move(asked));
    }
  }

  void take_run(const std::string& dag_id, const std::string& run_id, std::vector<Event>& events) {
    const auto dag = live.dags.find(dag_id);
    if (dag != live.dags.end() && dag->second.runs.contains(run_id)) return;
    auto run = store->run(dag_id, run_id);
    if (!run || workflow::is_final(run->state)) return;
    auto compiled = version(dag_id, run->dag_version);
    events.push_back(RunSeen{std::move(*run), std::move(compiled)});
  }

  void take_result(const queue::TaskResult& result, std::vector<Event>& events) {
    const auto found = in_flight.find(result.id);
    if (found == in_flight.end()) return;
    auto event = event_of(found->second.send.key, result);
    if (!event) return;
    if (std::holds_alternative<TaskEnded>(*event)) in_flight.erase(found);
    events.push_back(std::move(*event));
  }

  /// For results that no message told: some were missed, or were there before we followed.
  void poll_results(Instant now) {
    poll_at = now + options.poll;
    if (in_flight.empty()) return;
    std::vector<std::string> ids;
    for (const auto& [id, flight] : in_flight) ids.push_back(id);
    std::vector<Event> events;
    for (size_t at = 0; at < ids.size(); at += 500) {
      const auto page = std::span(ids).subspan(at, std::min<size_t>(500, ids.size() - at));
      for (const auto& result : results.find(page))
        if (result) take_result(*result, events);
    }
    if (!events.empty()) act(decide(live, events, now, options.limits), now);
  }

  /// Messages that are neither in their queue nor held by a worker are lost (Redis lost data): sent again
  /// under their ids.
  void audit(Instant now) {
    audit_at = now + lost_after;
    std::set<std::string> wanted;
    for (const auto& [id, flight] : in_flight)
      if (flight.since + lost_after < now)
        wanted.insert(flight.send.dag->dag.find(flight.send.key.task_id)->queue);
    if (wanted.empty()) return;
    std::map<std::string, int64_t> depth;
    for (const auto& info : roster.queues()) depth[info.name] = info.depth + info.held;
    std::vector<queue::TaskMessage> messages;
    for (auto& [id, flight] : in_flight) {
      if (flight.since + lost_after >= now) continue;
      const auto& queue = flight.send.dag->dag.find(flight.send.key.task_id)->queue;
      if (depth[queue] > 0) {
        flight.missing = 0;
      } else if (++flight.missing >= 2) {
        flight.missing = 0;
        flight.since = now;
        messages.push_back(message_of(flight.send));
        base::log_warn("message sent again", {{"dag", flight.send.key.dag_id},
                                              {"run", flight.send.key.run_id},
                                              {"task", flight.send.key.task_id}});
      }
    }
    if (!messages.empty()) {
      producer.send(messages);
      resent.add(static_cast<double>(messages.size()));
    }
  }

  void act(std::vector<Decision> decisions, Instant now) {
    std::vector<workflow::RunChange> changes;
    std::vector<Send> sends;
    for (auto& decision : decisions) {
      if (auto* create = std::get_if<CreateRun>(&decision)) {
        try {
          store->create(create->run);
        } catch (const base::Conflict&) {
          // A run of that date is there, as of a backfill: what is stored decides.
          base::log_info("run was there", {{"dag", create->run.dag_id}, {"run", create->run.run_id}});
          must_reload = true;
        }
      }
      if (auto* change = std::get_if<ChangeRun>(&decision)) changes.push_back(std::move(change->change));
      if (auto* send = std::get_if<Send>(&decision)) sends.push_back(std::move(*send));
    }
    if (!changes.empty())
      for (const auto applied : writer->apply(changes, token.value_or(0))) {
        if (applied == Applied::fenced) return step_down("another scheduler took over");
        if (applied == Applied::stale) must_reload = true;
      }
    // What the store refused must not be sent; a reload sorts out the rest.
    if (must_reload) {
      base::log_warn("state read again", {{"why", "the store holds something else"}});
      return;
    }
    std::vector<queue::TaskMessage> messages;
    for (const auto& send : sends)
      if (!known.contains(send.key.celery_id())) messages.push_back(message_of(send));
    if (!messages.empty()) {
      producer.send(messages);
      sent.add(static_cast<double>(messages.size()));
    }
    for (auto& send : sends) {
      auto id = send.key.celery_id();
      in_flight[std::move(id)] = {std::move(send), now};
    }
    for (auto& decision : decisions) {
      if (auto* plan = std::get_if<AskPlan>(&decision)) planner.ask(std::move(*plan));
      if (auto* revoke = std::get_if<Revoke>(&decision)) {
        producer.revoke(revoke->celery_id, true);
        if (!revoke->is_awaited) in_flight.erase(revoke->celery_id);
      }
      if (auto* answer = std::get_if<Answer>(&decision))
        if (writer->answer(answer->answer, token.value_or(0)) == Applied::fenced)
          return step_down("another scheduler took over");
      if (auto* next = std::get_if<ShowNextRun>(&decision)) store->set_next_run(next->dag_id, next->at);
      if (auto* ended = std::get_if<RunEnded>(&decision)) {
        base::log_info(
            "run ended",
            {{"dag", ended->dag_id}, {"run", ended->run_id}, {"state", workflow::state_name(ended->state)}});
        (ended->state == workflow::RunState::success ? ended_runs : failed_runs).add();
        writer->trim(ended->dag_id, options.keep_runs, 100);
      }
    }
  }

  Instant next_wake() const {
    Instant next = leads ? std::min({lease_at, poll_at, audit_at, reap_at}) : lease_at;
    if (leads)
      if (const auto wake = live.wake()) next = std::min(next, *wake);
    return std::max(next, retry_at);
  }

  void step(Inbox::Content content) {
    const Instant now = base::now();
    const auto began = std::chrono::steady_clock::now();
    if (now >= lease_at) hold_lease(now);
    if (!leads) return;
    std::vector<Event> events;
    // Its own words are lost when a reload begins: plans are asked again and results are polled there.
    if (!must_reload) take(std::move(content), events, now);
    if (must_reload) {
      reload(now);
    } else {
      const auto wake = live.wake();
      if (!events.empty() || (wake && *wake <= now)) act(decide(live, events, now, options.limits), now);
    }
    if (now >= poll_at) poll_results(now);
    if (now >= audit_at) audit(now);
    if (now >= reap_at) {
      reap_at = now + reap_every;
      queue::reap(*broker, results);
    }
    size_t runs = 0;
    for (const auto& [id, dag] : live.dags) runs += dag.runs.size();
    live_runs = runs;
    live_gauge.set(static_cast<double>(runs));
    flying.set(static_cast<double>(in_flight.size()));
    step_seconds.observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  }
};

Engine::Engine(EngineOptions options, base::Connections connections, std::shared_ptr<redis::Client> client)
    : state_(std::make_unique<State>(std::move(options), std::move(connections), std::move(client))) {}

Engine::~Engine() = default;

void Engine::run(const std::stop_token& stop) {
  State& s = *state_;
  const auto events = s.store->follow([&s](const std::string& event) { s.inbox.told(event); });
  const auto results = s.results.follow([&s](queue::TaskResult result) { s.inbox.add(std::move(result)); },
                                        [&s] { s.inbox.poll_wanted(); });
  Inbox::Content content;
  while (!stop.stop_requested()) {
    try {
      s.step(std::move(content));
      s.reachable = true;
      s.failures = 0;
      s.retry_at = {};
    } catch (const std::exception& e) {
      // Redis is away or something unforeseen happened: nothing is known for sure any more, so all is read
      // again.
      base::log_error("step failed", {{"error", e.what()}});
      s.reachable = false;
      s.must_reload = true;
      s.retry_at =
          base::now() + std::min<base::Duration>(
                            std::chrono::milliseconds(200) * (1 << std::min(s.failures++, 4)), seconds(2));
      if (base::now() > s.lease_end) s.step_down("the lease could not be renewed");
    }
    // A reload is wanted at once, not with the next event.
    const auto until = s.leads && s.must_reload ? std::max(base::now(), s.retry_at) : s.next_wake();
    content = s.inbox.wait(until, stop);
  }
  if (s.leads) {
    try {
      s.lease->release(s.options.name);
    } catch (const base::Error& e) {
      base::log_warn("lease not given back", {{"error", e.what()}});
    }
  }
}

Json Engine::health() const {
  const bool ok = state_->reachable;
  return {{"status", ok ? "healthy" : "unhealthy"},
          {"leads", state_->leads.load()},
          {"scheduler", state_->options.name},
          {"live_runs", state_->live_runs.load()},
          {"dags", state_->folder.content()->dags.size()},
          {"import_errors", state_->folder.content()->errors.size()}};
}

}  // namespace tamis::scheduler
