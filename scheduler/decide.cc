#include "scheduler/decide.h"

#include <algorithm>
#include <map>
#include <stdexcept>

#include "core/base/error.h"
#include "scheduler/rules.h"

namespace tamis::scheduler {

using base::Duration;
using base::Instant;
using base::Json;
using workflow::DagRun;
using workflow::RunState;
using workflow::TaskInstance;
using workflow::TaskSpec;
using workflow::TaskState;

namespace {

bool is_planned_here(const TaskSpec& task, const TaskInstance& instance) {
  return task.is_sliced && instance.map_index < 0;
}

bool holds_slot(const TaskSpec& task, const TaskInstance& instance) {
  return (instance.state == TaskState::queued || instance.state == TaskState::running ||
          instance.state == TaskState::restarting) &&
         !is_planned_here(task, instance);
}

bool is_none(const TaskInstance& instance) {
  return instance.state == TaskState::none;
}

bool is_alive(TaskState state) {
  return !workflow::is_final(state) && state != TaskState::none;
}

std::optional<Instant> instant_in(const Json& json, const char* key) {
  if (!json.is_object()) return std::nullopt;
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? base::parse_rfc3339(found->get<std::string>())
                                                   : std::nullopt;
}

Json empty_account() {
  return {{"slices", 0}, {"read", 0}, {"accepted", 0}, {"filtered", 0}, {"duplicate", 0}, {"rejected", 0}};
}

class Decider {
 public:
  Decider(State& state, Instant now, const Limits& limits) : state_(state), now_(now), limits_(limits) {}

  void take(const DagSeen& event) {
    const auto& dag = event.dag->dag;
    LiveDag& live = state_.dags[dag.dag_id];
    const bool is_new = live.current == nullptr;
    if (is_new) {
      live.is_paused = event.is_paused;
      live.last_interval = event.last_interval;
      if (live.progress.empty()) live.progress = event.progress;
    }
    live.current = event.dag;
    live.timetable = std::make_unique<workflow::Timetable>(dag);
    touched_.insert(dag.dag_id);
  }

  void take(const DagGone& event) {
    const auto found = state_.dags.find(event.dag_id);
    if (found == state_.dags.end()) return;
    found->second.current = nullptr;
    found->second.timetable = nullptr;
    touched_.insert(event.dag_id);
  }

  void take(const DagPaused& event) {
    const auto found = state_.dags.find(event.dag_id);
    if (found == state_.dags.end()) return;
    found->second.is_paused = event.is_paused;
    touched_.insert(event.dag_id);
  }

  void take(const RunSeen& event) {
    LiveDag& dag = state_.dags[event.run.dag_id];
    if (dag.runs.contains(event.run.run_id) || workflow::is_final(event.run.state)) return;
    if (event.dag == nullptr) {
      workflow::RunChange change = empty_change(event.run);
      change.to = RunState::failed;
      change.end_date = now_;
      changes_.push_back(std::move(change));
      ended_.push_back({event.run.dag_id, event.run.run_id, RunState::failed});
      return;
    }
    LiveRun& live = adopt(dag, event.run, event.dag);
    if (live.run.state == RunState::running) recover(dag, live);
    touched_.insert(event.run.dag_id);
  }

  void take(const TaskStarted& event) {
    auto [dag, run, task, instance] = find(event.key);
    if (instance == nullptr || instance->state != TaskState::queued) return;
    TaskInstance next = *instance;
    next.state = TaskState::running;
    next.start_date = now_;
    next.hostname = event.hostname;
    change(*dag, *run, task, *instance, next);
    if (const auto& timeout = run->dag->dag.tasks[task].execution_timeout)
      state_.timers.emplace(now_ + *timeout + limits_.timeout_grace,
                            Timer{Timer::Kind::task_timeout, event.key});
  }

  void take(const TaskEnded& event) {
    auto [dag, run, task, instance] = find(event.key);
    if (instance != nullptr && instance->state == TaskState::restarting)
      return set_back(*dag, *run, task, *instance);
    if (instance == nullptr ||
        (instance->state != TaskState::queued && instance->state != TaskState::running))
      return;
    TaskInstance next = *instance;
    if (!event.hostname.empty()) next.hostname = event.hostname;
    next.result = event.result;
    end_try(*dag, *run, task, *instance, std::move(next), event.outcome, event.error, event.may_retry);
  }

  void take(const Planned& event) {
    auto [dag, run, task, instance] = find(event.key);
    if (instance == nullptr || instance->state != TaskState::running) return;
    if (!event.error.empty()) {
      end_try(*dag, *run, task, *instance, *instance, TaskState::failed, event.error, event.may_retry);
      return;
    }
    const std::string& name = event.key.task_id;
    const Json former = dag->progress.contains(name) ? dag->progress[name] : Json::object();
    const Json watermark = former.contains("watermark") ? former["watermark"] : Json(nullptr);
    auto& change_of_run = change_for(*run);
    run->run.plans[name] = {
        {"cursor", event.cursor}, {"watermark", watermark}, {"slices", event.slices.size()}};
    change_of_run.plans = run->run.plans;
    if (run->run.run_type != "backfill") {
      dag->progress[name] = {
          {"cursor", event.cursor}, {"watermark", watermark}, {"run_id", event.key.run_id}};
      change_of_run.progress[name] = dag->progress[name];
    }
    if (event.slices.empty()) {
      // Nothing to read is work well done: what follows still closes windows that others filled.
      TaskInstance next = *instance;
      next.result = empty_account();
      end_try(*dag, *run, task, *instance, std::move(next), TaskState::success, "", false);
      return;
    }
    expand(*dag, *run, task, event.slices);
  }

  void take(const ClearAsked& event) {
    const auto& request = event.request;
    const auto dag = state_.dags.find(request.dag_id);
    if (dag == state_.dags.end() || dag->second.current == nullptr)
      return refuse(event.id, "there is no DAG \"" + request.dag_id + "\" now: its file is needed to run it");
    // It may be asked for before the run's creation was told.
    if (event.run) take(RunSeen{*event.run, event.dag});
    const auto found = dag->second.runs.find(request.run_id);
    LiveRun* live = found == dag->second.runs.end() ? nullptr : found->second.get();
    if (live == nullptr && !event.run)
      return refuse(event.id, "the DAG \"" + request.dag_id + "\" has no run \"" + request.run_id + "\"");
    const CompiledDagPtr compiled = live != nullptr ? live->dag : event.dag;
    if (compiled == nullptr) return refuse(event.id, "the DAG's version that this run began with is lost");
    try {
      clear(event, dag->second, live, *compiled);
    } catch (const base::UserError& error) {
      refuse(event.id, error.what());
    }
  }

  void fire_timers() {
    while (!state_.timers.empty() && state_.timers.begin()->first <= now_) {
      const Timer timer = state_.timers.begin()->second;
      state_.timers.erase(state_.timers.begin());
      fire(timer);
    }
    while (!state_.due.empty() && state_.due.begin()->first <= now_) {
      touched_.insert(state_.due.begin()->second);
      state_.due.erase(state_.due.begin());
    }
  }

  std::vector<Decision> finish() {
    // Each turn may end runs, which lets others begin, which may end at once when all their tasks are empty.
    while (!touched_.empty() || !examine_.empty()) {
      settle();
      const auto touched = std::exchange(touched_, {});
      for (const auto& dag_id : touched) {
        const auto found = state_.dags.find(dag_id);
        if (found == state_.dags.end()) continue;
        LiveDag& dag = found->second;
        create_due_runs(dag_id, dag);
        start_runs(dag);
        settle();
        begin_plans(dag);
        fill(dag);
        if (dag.current == nullptr && dag.runs.empty()) state_.dags.erase(found);
      }
    }
    std::vector<Decision> out;
    for (auto& run : created_) out.push_back(CreateRun{std::move(run)});
    for (auto& change : changes_) out.push_back(ChangeRun{std::move(change)});
    for (auto& decision : after_) out.push_back(std::move(decision));
    for (auto& ended : ended_) out.push_back(std::move(ended));
    return out;
  }

 private:
  struct Found {
    LiveDag* dag = nullptr;
    LiveRun* run = nullptr;
    uint32_t task = 0;
    TaskInstance* instance = nullptr;
  };

  /// The instance of a key when its try is still the current one.
  Found find(const TaskKey& key) {
    const auto dag = state_.dags.find(key.dag_id);
    if (dag == state_.dags.end()) return {};
    const auto run = dag->second.runs.find(key.run_id);
    if (run == dag->second.runs.end() || run->second->run.state != RunState::running) return {};
    const auto number = run->second->dag->numbers.find(key.task_id);
    if (number == run->second->dag->numbers.end()) return {};
    TaskInstance* instance = run->second->tasks[number->second].find(key.map_index);
    if (instance == nullptr || instance->try_number != key.try_number) return {};
    return {&dag->second, run->second.get(), number->second, instance};
  }

  TaskKey key_of(const LiveRun& run, const TaskInstance& instance) const {
    return {run.run.dag_id, run.run.run_id, instance.task_id, instance.map_index, instance.try_number};
  }

  void refuse(const std::string& id, const std::string& why) {
    after_.push_back(Answer{{id, {{"error", why}}}});
  }

  void clear(const ClearAsked& event, LiveDag& dag, LiveRun* live, const CompiledDag& compiled) {
    const auto& request = event.request;
    const auto tasks = workflow::tasks_to_clear(compiled.dag, compiled.graph, request);
    if (live == nullptr) {
      const auto chosen = workflow::instances_to_clear(compiled.dag, event.run->tasks, request);
      if (chosen.empty()) return after_.push_back(Answer{{event.id, {{"cleared", 0}}}});
      if (!request.reset_run) return clear_ended(event, compiled, chosen);
      DagRun run = *event.run;
      run.state = RunState::queued;
      run.start_date = run.end_date = std::nullopt;
      live = &adopt(dag, run, event.dag);
      auto& change = change_for(*live);
      change.from = event.run->state;
      change.restart = true;
    }
    int cleared = 0;
    for (const uint32_t task : tasks)
      for (auto& instance : live->tasks[task].instances)
        if (workflow::is_to_clear(instance, request)) {
          clear(dag, *live, task, instance);
          ++cleared;
        }
    touched_.insert(live->run.dag_id);
    if (cleared == 0) return after_.push_back(Answer{{event.id, {{"cleared", 0}}}});
    change_for(*live).answers.push_back({event.id, {{"cleared", cleared}}});
    if (live->run.state != RunState::running) return;
    auto& examine = examine_[{live->run.dag_id, live->run.run_id}];
    examine.insert(tasks.begin(), tasks.end());
    ending_.insert({live->run.dag_id, live->run.run_id});
  }

  /// The run stays ended: who asked wants to start it later, or not at all.
  void clear_ended(const ClearAsked& event, const CompiledDag& compiled, const std::vector<size_t>& chosen) {
    auto change = empty_change(*event.run);
    for (const size_t i : chosen) {
      const TaskInstance& former = event.run->tasks[i];
      TaskInstance next = former;
      next.max_tries = next.try_number + compiled.dag.find(next.task_id)->retries;
      change.tasks.push_back({former.state, former.try_number, blank(std::move(next)), false});
    }
    change.answers.push_back({event.id, {{"cleared", chosen.size()}}});
    changes_.push_back(std::move(change));
  }

  void clear(LiveDag& dag, LiveRun& run, uint32_t task, TaskInstance& instance) {
    const TaskSpec& spec = run.dag->dag.tasks[task];
    const bool is_elsewhere = instance.state == TaskState::running && !is_planned_here(spec, instance);
    TaskInstance next = instance;
    next.max_tries = next.try_number + spec.retries;
    if (instance.state == TaskState::queued || is_elsewhere)
      after_.push_back(Revoke{instance.celery_id, is_elsewhere});
    if (instance.state == TaskState::running) {
      next.state = TaskState::restarting;
      change(dag, run, task, instance, next);
    }
    if (instance.state == TaskState::restarting) {
      if (is_elsewhere)
        state_.timers.emplace(now_ + limits_.restart_grace,
                              Timer{Timer::Kind::restart, key_of(run, instance)});
      else if (is_planned_here(spec, instance))
        set_back(dag, run, task, instance);
      return;
    }
    next = blank(std::move(next));
    if (instance.state == TaskState::none)
      note(run, instance.state, instance.try_number, instance = next, false);
    else
      change(dag, run, task, instance, next);
  }

  /// A cleared try has ended, whichever way: the next one may begin.
  void set_back(LiveDag& dag, LiveRun& run, uint32_t task, TaskInstance& instance) {
    change(dag, run, task, instance, blank(instance));
    examine_[{run.run.dag_id, run.run.run_id}].insert(task);
    ending_.insert({run.run.dag_id, run.run.run_id});
  }

  /// As before its first try, but for the count of tries and its slice.
  static TaskInstance blank(TaskInstance instance) {
    instance.state = TaskState::none;
    instance.celery_id.clear();
    instance.hostname.clear();
    instance.error.clear();
    instance.result = nullptr;
    instance.queued_at = instance.start_date = instance.end_date = instance.next_try_at = std::nullopt;
    return instance;
  }

  static workflow::RunChange empty_change(const DagRun& run) {
    workflow::RunChange change;
    change.dag_id = run.dag_id;
    change.run_id = run.run_id;
    change.from = change.to = run.state;
    return change;
  }

  workflow::RunChange& change_for(LiveRun& run) {
    const auto [place, is_new] =
        change_of_.emplace(std::pair(run.run.dag_id, run.run.run_id), changes_.size());
    if (is_new) changes_.push_back(empty_change(run.run));
    return changes_[place->second];
  }

  /// Notes what an instance becomes; several steps of one instance are one change, from the first state to
  /// the last.
  void note(LiveRun& run, const std::optional<TaskState>& from, int from_try, const TaskInstance& to,
            bool remove) {
    auto& change = change_for(run);
    const auto [place, is_new] = noted_.emplace(
        std::tuple(run.run.dag_id, run.run.run_id, to.task_id, to.map_index), change.tasks.size());
    if (is_new)
      change.tasks.push_back({from, from_try, to, remove});
    else {
      change.tasks[place->second].to = to;
      change.tasks[place->second].remove = remove;
    }
  }

  void count(LiveDag& dag, LiveRun& run, uint32_t task, const TaskInstance& instance, int by) {
    const TaskSpec& spec = run.dag->dag.tasks[task];
    run.tasks[task].counts.add(instance.state, by);
    const auto n = static_cast<size_t>(by);
    if (!workflow::is_final(instance.state)) run.unfinished += n;
    if (is_alive(instance.state)) run.alive += n;
    if (!holds_slot(spec, instance)) return;
    dag.active_tasks += n;
    if (spec.max_active_tis_per_dag) dag.active_by_task[spec.task_id] += by;
    if (spec.max_active_tis_per_dagrun) dag.active_by_run_task[{run.run.run_id, spec.task_id}] += by;
  }

  /// Every change of an instance's state goes through here.
  void change(LiveDag& dag, LiveRun& run, uint32_t task, TaskInstance& instance, const TaskInstance& next) {
    if (!workflow::is_legal(instance.state, next.state))
      throw std::logic_error(run.run.run_id + " " + instance.name() + ": " +
                             std::string(workflow::state_name(instance.state)) + " -> " +
                             std::string(workflow::state_name(next.state)));
    note(run, instance.state, instance.try_number, next, false);
    if (instance.state == TaskState::scheduled) dag.waiting.erase(waiting_of(run, task, instance));
    count(dag, run, task, instance, -1);
    instance = next;
    count(dag, run, task, instance, +1);
    if (instance.state == TaskState::scheduled && !is_planned_here(run.dag->dag.tasks[task], instance))
      dag.waiting.insert(waiting_of(run, task, instance));
    touched_.insert(run.run.dag_id);
    if (workflow::is_final(instance.state)) {
      ending_.insert({run.run.dag_id, run.run.run_id});
      for (const uint32_t w : run.dag->graph.downstream[task])
        examine_[{run.run.dag_id, run.run.run_id}].insert(w);
    }
  }

  static Waiting waiting_of(const LiveRun& run, uint32_t task, const TaskInstance& instance) {
    return {run.dag->dag.tasks[task].priority_weight, run.run.logical_date, instance.map_index,
            run.run.run_id, task};
  }

  /// Takes a run into memory; its task instances are made when it has none yet.
  LiveRun& adopt(LiveDag& dag, const DagRun& run, const CompiledDagPtr& compiled) {
    auto live = std::make_unique<LiveRun>();
    live->run = run;
    live->run.tasks.clear();
    live->dag = compiled;
    live->tasks.resize(compiled->dag.tasks.size());
    for (const auto& instance : run.tasks)
      if (const auto number = compiled->numbers.find(instance.task_id); number != compiled->numbers.end())
        live->tasks[number->second].instances.push_back(instance);
    for (uint32_t i = 0; i < live->tasks.size(); ++i) {
      auto& instances = live->tasks[i].instances;
      if (instances.empty()) {
        TaskInstance instance;
        instance.task_id = compiled->dag.tasks[i].task_id;
        instance.max_tries = compiled->dag.tasks[i].retries;
        note(*live, std::nullopt, 0, instance, false);
        instances.push_back(std::move(instance));
      }
      std::sort(instances.begin(), instances.end(),
                [](const auto& a, const auto& b) { return a.map_index < b.map_index; });
      live->tasks[i].counts.total = static_cast<uint32_t>(instances.size());
      for (const auto& instance : instances) count(dag, *live, i, instance, +1);
    }
    if (run.state == RunState::running) {
      ++dag.running_runs;
      live->sequence = ++state_.sequence;
    }
    return *(dag.runs[run.run_id] = std::move(live));
  }

  /// What a former leader left under way goes on.
  void recover(LiveDag& dag, LiveRun& run) {
    for (uint32_t i = 0; i < run.tasks.size(); ++i) {
      const TaskSpec& spec = run.dag->dag.tasks[i];
      for (auto& instance : run.tasks[i].instances) {
        const bool here = is_planned_here(spec, instance);
        if (instance.state == TaskState::scheduled && !here) dag.waiting.insert(waiting_of(run, i, instance));
        if (instance.state == TaskState::up_for_retry)
          state_.timers.emplace(instance.next_try_at.value_or(now_),
                                Timer{Timer::Kind::retry, key_of(run, instance)});
        if (instance.state == TaskState::running && here) ask_plan(dag, run, i, instance);
        if (instance.state == TaskState::restarting) {
          after_.push_back(Revoke{instance.celery_id, true});
          state_.timers.emplace(now_ + limits_.restart_grace,
                                Timer{Timer::Kind::restart, key_of(run, instance)});
        }
        // The message may not have been sent before the former leader went: a second copy is dropped by who
        // finds its result.
        if (instance.state == TaskState::queued) send(dag, run, i, instance);
        if (instance.state == TaskState::running && !here && spec.execution_timeout)
          state_.timers.emplace(
              instance.start_date.value_or(now_) + *spec.execution_timeout + limits_.timeout_grace,
              Timer{Timer::Kind::task_timeout, key_of(run, instance)});
      }
      examine_[{run.run.dag_id, run.run.run_id}].insert(i);
    }
    set_run_timeout(run);
    ending_.insert({run.run.dag_id, run.run.run_id});
  }

  void set_run_timeout(const LiveRun& run) {
    if (const auto& timeout = run.dag->dag.dagrun_timeout)
      state_.timers.emplace(run.run.start_date.value_or(now_) + *timeout,
                            Timer{Timer::Kind::run_timeout, {run.run.dag_id, run.run.run_id, "", -1, 0}});
  }

  void end_try(LiveDag& dag, LiveRun& run, uint32_t task, TaskInstance& instance, TaskInstance next,
               TaskState outcome, std::string error, bool may_retry) {
    const TaskSpec& spec = run.dag->dag.tasks[task];
    next.end_date = now_;
    next.error = std::move(error);
    if (!next.start_date) next.start_date = now_;
    next.state = outcome;
    if (outcome == TaskState::failed && may_retry && instance.try_number <= instance.max_tries) {
      next.state = TaskState::up_for_retry;
      next.next_try_at = now_ + retry_delay(spec, run.run.dag_id, run.run.logical_date, instance.try_number);
      state_.timers.emplace(*next.next_try_at, Timer{Timer::Kind::retry, key_of(run, instance)});
    }
    change(dag, run, task, instance, next);
  }

  void release(LiveDag& dag, LiveRun& run, uint32_t task, TaskInstance& instance) {
    const TaskSpec& spec = run.dag->dag.tasks[task];
    TaskInstance next = instance;
    if (is_planned_here(spec, instance) && run.run.plans.contains(spec.task_id)) {
      // Cleared, and planned before: its plan was that there is nothing to read, and a run keeps its plan.
      ++next.try_number;
      next.state = TaskState::success;
      next.result = empty_account();
      next.start_date = next.end_date = now_;
    } else if (spec.celery_task.empty()) {
      // Nothing to do is done here and at once, as Airflow's EmptyOperator.
      next.state = TaskState::success;
      next.start_date = next.end_date = now_;
    } else {
      next.state = TaskState::scheduled;
      ++next.try_number;
      next.celery_id.clear();
      next.hostname.clear();
      next.error.clear();
      next.queued_at = next.start_date = next.end_date = next.next_try_at = std::nullopt;
    }
    change(dag, run, task, instance, next);
  }

  void expand(LiveDag& dag, LiveRun& run, uint32_t task, const std::vector<Json>& slices) {
    LiveTask& live = run.tasks[task];
    const TaskInstance whole = live.instances[0];
    note(run, whole.state, whole.try_number, whole, true);
    count(dag, run, task, whole, -1);
    live.instances.clear();
    live.counts.total = static_cast<uint32_t>(slices.size());
    for (size_t i = 0; i < slices.size(); ++i) {
      TaskInstance slice;
      slice.task_id = whole.task_id;
      slice.map_index = static_cast<int>(i);
      slice.max_tries = run.dag->dag.tasks[task].retries;
      slice.state = TaskState::scheduled;
      slice.try_number = 1;
      slice.slice = slices[i];
      note(run, std::nullopt, 0, slice, false);
      live.instances.push_back(std::move(slice));
      count(dag, run, task, live.instances.back(), +1);
      dag.waiting.insert(waiting_of(run, task, live.instances.back()));
    }
    touched_.insert(run.run.dag_id);
  }

  void fire(const Timer& timer) {
    if (timer.kind == Timer::Kind::run_timeout) {
      const auto dag = state_.dags.find(timer.key.dag_id);
      if (dag == state_.dags.end()) return;
      const auto run = dag->second.runs.find(timer.key.run_id);
      if (run == dag->second.runs.end() || run->second->run.state != RunState::running) return;
      // The timer may be of a life before the run was cleared.
      if (const auto& live = *run->second;
          live.run.start_date.value_or(now_) + *live.dag->dag.dagrun_timeout <= now_)
        time_out(dag->second, *run->second);
      return;
    }
    auto [dag, run, task, instance] = find(timer.key);
    if (instance == nullptr) return;
    if (timer.kind == Timer::Kind::retry && instance->state == TaskState::up_for_retry) {
      release(*dag, *run, task, *instance);
    } else if (timer.kind == Timer::Kind::restart && instance->state == TaskState::restarting) {
      after_.push_back(Revoke{instance->celery_id});  // its end is no longer waited for
      set_back(*dag, *run, task, *instance);
    } else if (timer.kind == Timer::Kind::task_timeout && instance->state == TaskState::running) {
      after_.push_back(Revoke{instance->celery_id});
      end_try(*dag, *run, task, *instance, *instance, TaskState::failed,
              "took longer than execution_timeout, " +
                  base::format_duration(*run->dag->dag.tasks[task].execution_timeout),
              true);
    } else if (timer.kind == Timer::Kind::plan_timeout && instance->state == TaskState::running &&
               is_planned_here(run->dag->dag.tasks[task], *instance)) {
      end_try(*dag, *run, task, *instance, *instance, TaskState::failed,
              "the source didn't answer within " + base::format_duration(limits_.plan_timeout), true);
    }
  }

  void time_out(LiveDag& dag, LiveRun& run) {
    for (uint32_t i = 0; i < run.tasks.size(); ++i)
      for (auto& instance : run.tasks[i].instances) {
        if (workflow::is_final(instance.state)) continue;
        if (holds_slot(run.dag->dag.tasks[i], instance)) after_.push_back(Revoke{instance.celery_id});
        TaskInstance next = instance;
        next.state = TaskState::skipped;
        next.end_date = now_;
        next.error = "the run took longer than dagrun_timeout";
        change(dag, run, i, instance, next);
      }
    examine_.erase({run.run.dag_id, run.run.run_id});
    end_run(dag, run, RunState::failed);
  }

  /// Judges tasks whose upstream changed, in passes: all of a pass see the states at its beginning.
  void settle() {
    while (!examine_.empty()) {
      const auto pass = std::exchange(examine_, {});
      for (const auto& [name, tasks] : pass) {
        const auto dag = state_.dags.find(name.first);
        if (dag == state_.dags.end()) continue;
        const auto found = dag->second.runs.find(name.second);
        if (found == dag->second.runs.end() || found->second->run.state != RunState::running) continue;
        LiveRun& run = *found->second;
        std::vector<std::pair<uint32_t, Verdict>> verdicts;
        for (const uint32_t task : tasks) {
          const auto& instances = run.tasks[task].instances;
          if (std::none_of(instances.begin(), instances.end(), is_none)) continue;
          Counts upstream;
          for (const uint32_t u : run.dag->graph.upstream[task]) {
            const Counts& c = run.tasks[u].counts;
            upstream.total += c.total;
            upstream.success += c.success;
            upstream.skipped += c.skipped;
            upstream.failed += c.failed;
            upstream.upstream_failed += c.upstream_failed;
            upstream.removed += c.removed;
          }
          verdicts.emplace_back(task, judge(run.dag->dag.tasks[task].trigger_rule, upstream));
        }
        for (const auto& [task, verdict] : verdicts) {
          // Many only after slices were cleared.
          for (TaskInstance& instance : run.tasks[task].instances) {
            if (!is_none(instance)) continue;
            if (verdict == Verdict::run) release(dag->second, run, task, instance);
            if (verdict != Verdict::skip && verdict != Verdict::upstream_failed) continue;
            TaskInstance next = instance;
            next.state = verdict == Verdict::skip ? TaskState::skipped : TaskState::upstream_failed;
            next.start_date = next.end_date = now_;
            change(dag->second, run, task, instance, next);
          }
        }
      }
    }
    for (const auto& name : std::exchange(ending_, {})) {
      const auto dag = state_.dags.find(name.first);
      if (dag == state_.dags.end()) continue;
      const auto run = dag->second.runs.find(name.second);
      if (run == dag->second.runs.end() || run->second->run.state != RunState::running) continue;
      // Nothing unfinished can go on by itself and nothing is left that would wake it: a deadlock.
      if (run->second->unfinished == 0 || run->second->alive == 0)
        end_run(dag->second, *run->second, verdict_of(*run->second));
    }
  }

  static RunState verdict_of(const LiveRun& run) {
    if (run.unfinished > 0) return RunState::failed;
    for (uint32_t i = 0; i < run.tasks.size(); ++i)
      if (run.dag->graph.is_leaf(i) && run.tasks[i].counts.failed + run.tasks[i].counts.upstream_failed > 0)
        return RunState::failed;
    return RunState::success;
  }

  void end_run(LiveDag& dag, LiveRun& run, RunState state) {
    auto& change = change_for(run);
    change.to = state;
    change.end_date = now_;
    // The watermark: the greatest event time that this run saw, or what it was.
    for (uint32_t i = 0; i < run.tasks.size(); ++i) {
      const TaskSpec& spec = run.dag->dag.tasks[i];
      if (!spec.is_sliced || !run.run.plans.contains(spec.task_id)) continue;
      std::optional<Instant> greatest;
      for (const auto& instance : run.tasks[i].instances)
        if (const auto seen = instant_in(instance.result, "max_event_time"))
          greatest = std::max(greatest.value_or(*seen), *seen);
      Json& progress = dag.progress[spec.task_id];
      const auto former = instant_in(progress, "watermark");
      if (!greatest || (former && *former >= *greatest)) continue;
      if (!progress.is_object()) progress = Json::object();
      progress["watermark"] = base::format_rfc3339(*greatest);
      run.run.plans[spec.task_id]["watermark_after"] = progress["watermark"];
      change.plans = run.run.plans;
      change.progress[spec.task_id] = progress;
    }
    // Instances of a run that ends in a deadlock stay as they are, and no longer count.
    for (uint32_t i = 0; i < run.tasks.size(); ++i)
      for (const auto& instance : run.tasks[i].instances) {
        if (instance.state == TaskState::scheduled) dag.waiting.erase(waiting_of(run, i, instance));
        count(dag, run, i, instance, -1);
      }
    --dag.running_runs;
    ended_.push_back({run.run.dag_id, run.run.run_id, state});
    touched_.insert(run.run.dag_id);
    std::erase_if(dag.active_by_run_task,
                  [&](const auto& entry) { return entry.first.first == run.run.run_id; });
    dag.runs.erase(std::string(run.run.run_id));
  }

  void create_due_runs(const std::string& dag_id, LiveDag& dag) {
    std::optional<Instant> next_run;
    while (dag.timetable != nullptr && !dag.is_paused) {
      auto next = dag.timetable->next(dag.last_interval, now_);
      if (!next) break;
      if (dag.current->dag.schedule.kind == workflow::Schedule::Kind::continuous && dag.last_creation)
        next->run_after = std::max(next->run_after, *dag.last_creation + limits_.continuous_pause);
      next_run = next->run_after;
      if (next->run_after > now_ || dag.runs.size() >= static_cast<size_t>(dag.current->dag.max_active_runs))
        break;
      DagRun run;
      run.dag_id = dag_id;
      run.run_id = workflow::make_run_id("scheduled", next->logical_date);
      run.dag_version = dag.current->dag.version;
      run.run_type = "scheduled";
      run.logical_date = next->logical_date;
      run.data_interval = next->interval;
      run.queued_at = now_;
      dag.last_interval = next->interval;
      dag.last_creation = now_;
      if (!dag.runs.contains(run.run_id)) {
        created_.push_back(run);
        adopt(dag, run, dag.current);
      }
    }
    const bool is_blocked = next_run && *next_run <= now_;  // a run that ends looks again
    if (is_blocked && dag.next_run && *dag.next_run <= now_) next_run = dag.next_run;
    if (dag.next_run != next_run) {
      if (dag.next_run) state_.due.erase({*dag.next_run, dag_id});
      dag.next_run = next_run;
      after_.push_back(ShowNextRun{dag_id, next_run});
    }
    if (next_run && !is_blocked) state_.due.insert({*next_run, dag_id});
  }

  void start_runs(LiveDag& dag) {
    if (dag.is_paused) return;
    while (dag.running_runs < dag.runs.size()) {
      LiveRun* first = nullptr;
      for (const auto& [id, run] : dag.runs)
        if (run->run.state == RunState::queued &&
            (first == nullptr ||
             std::tie(run->run.logical_date, run->run.queued_at, run->run.run_id) <
                 std::tie(first->run.logical_date, first->run.queued_at, first->run.run_id)))
          first = run.get();
      if (first == nullptr) return;
      const auto limit =
          dag.current != nullptr ? dag.current->dag.max_active_runs : first->dag->dag.max_active_runs;
      if (dag.running_runs >= static_cast<size_t>(limit)) return;
      auto& change = change_for(*first);
      change.to = RunState::running;
      change.start_date = now_;
      first->run.state = RunState::running;
      first->run.start_date = now_;
      first->sequence = ++state_.sequence;
      ++dag.running_runs;
      auto& examine = examine_[{first->run.dag_id, first->run.run_id}];
      for (uint32_t i = 0; i < first->tasks.size(); ++i) examine.insert(i);
      ending_.insert({first->run.dag_id, first->run.run_id});
      set_run_timeout(*first);
    }
  }

  /// A sliced task is planned when the same task of every run that began earlier has been: its cursor begins
  /// there.
  void begin_plans(LiveDag& dag) {
    std::vector<LiveRun*> runs;
    for (const auto& [id, run] : dag.runs)
      if (run->run.state == RunState::running) runs.push_back(run.get());
    std::sort(runs.begin(), runs.end(),
              [](const auto* a, const auto* b) { return a->sequence < b->sequence; });
    std::set<std::string> held;
    for (LiveRun* run : runs)
      for (const uint32_t i : run->dag->sliced) {
        const TaskSpec& spec = run->dag->dag.tasks[i];
        TaskInstance& instance = run->tasks[i].instances[0];
        if (instance.map_index >= 0 || workflow::is_final(instance.state)) continue;
        const bool is_backfill = run->run.run_type == "backfill";
        if (instance.state == TaskState::scheduled && !dag.is_paused &&
            (is_backfill || !held.contains(spec.task_id))) {
          TaskInstance next = instance;
          next.state = TaskState::running;
          next.start_date = now_;
          next.hostname = "scheduler";
          change(dag, *run, i, instance, next);
          ask_plan(dag, *run, i, instance);
        }
        if (!is_backfill) held.insert(spec.task_id);
      }
  }

  void ask_plan(LiveDag& dag, LiveRun& run, uint32_t task, const TaskInstance& instance) {
    const auto& name = run.dag->dag.tasks[task].task_id;
    Json cursor = nullptr;
    if (dag.progress.contains(name) && dag.progress[name].contains("cursor"))
      cursor = dag.progress[name]["cursor"];
    const TaskKey key = key_of(run, instance);
    after_.push_back(AskPlan{key, run.dag, cursor, run.run.data_interval, run.run.run_type == "backfill"});
    state_.timers.emplace(now_ + limits_.plan_timeout, Timer{Timer::Kind::plan_timeout, key});
  }

  /// Sends what waits, best first, as far as the limits allow.
  void fill(LiveDag& dag) {
    if (dag.is_paused) return;
    for (auto next = dag.waiting.begin(); next != dag.waiting.end();) {
      const Waiting waiting = *next++;
      LiveRun& run = *dag.runs.at(waiting.run_id);
      const auto limit =
          dag.current != nullptr ? dag.current->dag.max_active_tasks : run.dag->dag.max_active_tasks;
      if (dag.active_tasks >= static_cast<size_t>(limit)) return;
      const TaskSpec& spec = run.dag->dag.tasks[waiting.task];
      if (spec.max_active_tis_per_dag && dag.active_by_task[spec.task_id] >= *spec.max_active_tis_per_dag)
        continue;
      if (spec.max_active_tis_per_dagrun &&
          dag.active_by_run_task[{waiting.run_id, spec.task_id}] >= *spec.max_active_tis_per_dagrun)
        continue;
      TaskInstance& instance = *run.tasks[waiting.task].find(waiting.map_index);
      TaskInstance queued = instance;
      queued.state = TaskState::queued;
      queued.queued_at = now_;
      queued.celery_id = key_of(run, instance).celery_id();
      change(dag, run, waiting.task, instance, queued);
      send(dag, run, waiting.task, instance);
    }
  }

  void send(LiveDag&, LiveRun& run, uint32_t task, const TaskInstance& instance) {
    const auto& name = run.dag->dag.tasks[task].task_id;
    std::optional<Instant> watermark;
    if (run.run.plans.contains(name)) watermark = instant_in(run.run.plans[name], "watermark");
    after_.push_back(Send{key_of(run, instance), run.dag, instance.slice, watermark, run.run.data_interval});
  }

  State& state_;
  Instant now_;
  Limits limits_;
  std::vector<DagRun> created_;
  std::vector<workflow::RunChange> changes_;
  std::map<std::pair<std::string, std::string>, size_t> change_of_;
  std::map<std::tuple<std::string, std::string, std::string, int>, size_t> noted_;
  std::vector<Decision> after_;
  std::vector<RunEnded> ended_;
  std::set<std::string> touched_;
  std::map<std::pair<std::string, std::string>, std::set<uint32_t>> examine_;
  std::set<std::pair<std::string, std::string>> ending_;
};

}  // namespace

std::vector<Decision> decide(State& state, const std::vector<Event>& events, Instant now,
                             const Limits& limits) {
  Decider decider(state, now, limits);
  for (const auto& event : events) std::visit([&](const auto& e) { decider.take(e); }, event);
  decider.fire_timers();
  return decider.finish();
}

}  // namespace tamis::scheduler
