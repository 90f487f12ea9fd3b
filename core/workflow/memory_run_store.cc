#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "core/base/error.h"
#include "core/workflow/run_store.h"

namespace tamis::workflow {
namespace {

using base::Json;

struct Memory {
  std::mutex mutex;
  std::map<std::string, DagEntry> dags;
  std::map<std::pair<std::string, std::string>, Dag> versions;
  std::map<std::string, Json> progress;
  std::map<std::string, base::Interval> last_interval;
  std::map<std::pair<std::string, std::string>, DagRun> runs;
  std::map<std::string, std::vector<std::string>> version_order;  ///< oldest first
  std::map<int64_t, Json> requests;
  std::map<std::string, Json> answers;
  int64_t last_request = 0;
  std::vector<ImportError> import_errors;
  std::vector<std::function<void(const std::string&)>> followers;
  std::string leader;
  base::Instant lease_end{};
  int64_t token = 0;

  void tell(const Json& event) {
    decltype(followers) copy;
    {
      std::lock_guard lock(mutex);
      copy = followers;
    }
    for (const auto& follower : copy) follower(event.dump());
  }
};

class MemoryRunStore : public RunStore {
 public:
  explicit MemoryRunStore(std::shared_ptr<Memory> memory) : m_(std::move(memory)) {}

  void put_dag(const DagEntry& entry) override {
    {
      std::lock_guard lock(m_->mutex);
      const auto former = m_->dags.find(entry.dag.dag_id);
      DagEntry stored = entry;
      if (former != m_->dags.end()) stored.is_paused = former->second.is_paused;
      if (m_->versions.emplace(std::pair(entry.dag.dag_id, entry.dag.version), entry.dag).second)
        m_->version_order[entry.dag.dag_id].push_back(entry.dag.version);
      m_->dags.insert_or_assign(entry.dag.dag_id, std::move(stored));
    }
    m_->tell({{"event", "dag"}, {"dag_id", entry.dag.dag_id}});
  }
  void set_next_run(const std::string& dag_id, std::optional<base::Instant> at) override {
    std::lock_guard lock(m_->mutex);
    if (const auto found = m_->dags.find(dag_id); found != m_->dags.end()) found->second.next_run = at;
  }
  void remove_dag(const std::string& dag_id) override {
    {
      std::lock_guard lock(m_->mutex);
      m_->dags.erase(dag_id);
    }
    m_->tell({{"event", "dag_removed"}, {"dag_id", dag_id}});
  }
  std::optional<DagEntry> dag(const std::string& dag_id) override {
    std::lock_guard lock(m_->mutex);
    const auto found = m_->dags.find(dag_id);
    return found == m_->dags.end() ? std::nullopt : std::optional(whole(found->second));
  }
  std::vector<DagEntry> dags() override {
    std::lock_guard lock(m_->mutex);
    std::vector<DagEntry> out;
    for (const auto& [id, entry] : m_->dags) out.push_back(whole(entry));
    return out;
  }
  std::optional<Dag> dag_version(const std::string& dag_id, const std::string& version) override {
    std::lock_guard lock(m_->mutex);
    const auto found = m_->versions.find({dag_id, version});
    return found == m_->versions.end() ? std::nullopt : std::optional(found->second);
  }
  bool set_paused(const std::string& dag_id, bool paused) override {
    {
      std::lock_guard lock(m_->mutex);
      const auto found = m_->dags.find(dag_id);
      if (found == m_->dags.end()) return false;
      found->second.is_paused = paused;
    }
    m_->tell({{"event", "dag_paused"}, {"dag_id", dag_id}});
    return true;
  }
  void set_import_errors(const std::vector<ImportError>& errors) override {
    std::lock_guard lock(m_->mutex);
    m_->import_errors = errors;
  }
  std::vector<ImportError> import_errors() override {
    std::lock_guard lock(m_->mutex);
    return m_->import_errors;
  }

  void create(const DagRun& run) override {
    {
      std::lock_guard lock(m_->mutex);
      const bool automatic = run.run_type == "scheduled" || run.run_type == "backfill";
      for (const auto& [name, other] : m_->runs)
        if (name.first == run.dag_id &&
            (name.second == run.run_id || (automatic && other.logical_date == run.logical_date &&
                                           (other.run_type == "scheduled" || other.run_type == "backfill"))))
          throw base::Conflict("DAG \"{}\" has a run \"{}\" already{}", run.dag_id, run.run_id,
                               automatic ? ", or another one of this logical date" : "");
      m_->runs.emplace(std::pair(run.dag_id, run.run_id), run);
      if (automatic) {
        auto [last, is_new] = m_->last_interval.emplace(run.dag_id, run.data_interval);
        if (!is_new && last->second.begin < run.data_interval.begin) last->second = run.data_interval;
      }
    }
    m_->tell({{"event", "run_created"}, {"dag_id", run.dag_id}, {"run_id", run.run_id}});
  }
  std::optional<DagRun> run(const std::string& dag_id, const std::string& run_id) override {
    std::lock_guard lock(m_->mutex);
    const auto found = m_->runs.find({dag_id, run_id});
    return found == m_->runs.end() ? std::nullopt : std::optional(found->second);
  }
  std::vector<DagRun> runs(const RunQuery& query) override {
    auto all = select(query);
    if (query.offset >= all.size()) return {};
    all.erase(all.begin(), all.begin() + static_cast<int64_t>(query.offset));
    if (all.size() > query.limit) all.resize(query.limit);
    return all;
  }
  size_t count_runs(const RunQuery& query) override { return select(query).size(); }
  std::vector<DagRun> live_runs() override {
    std::lock_guard lock(m_->mutex);
    std::vector<DagRun> out;
    for (const auto& [name, run] : m_->runs)
      if (!is_final(run.state)) out.push_back(run);
    return out;
  }
  std::string ask(const Json& body) override {
    std::string id;
    {
      std::lock_guard lock(m_->mutex);
      id = std::to_string(++m_->last_request);
      m_->requests.emplace(m_->last_request, body);
    }
    m_->tell({{"event", "request"}});
    return id;
  }
  std::vector<RequestEntry> requests() override {
    std::lock_guard lock(m_->mutex);
    std::vector<RequestEntry> out;
    for (const auto& [id, body] : m_->requests) out.push_back({std::to_string(id), body});
    return out;
  }
  std::optional<Json> answer_of(const std::string& id) override {
    std::lock_guard lock(m_->mutex);
    const auto found = m_->answers.find(id);
    return found == m_->answers.end() ? std::nullopt : std::optional(found->second);
  }
  bool withdraw(const std::string& id) override {
    std::lock_guard lock(m_->mutex);
    return m_->requests.erase(std::stoll(id)) == 1;
  }
  std::unique_ptr<redis::Subscription> follow(std::function<void(const std::string&)> on_event) override {
    std::lock_guard lock(m_->mutex);
    m_->followers.push_back(std::move(on_event));
    return nullptr;
  }

 private:
  DagEntry whole(DagEntry entry) const {
    if (const auto last = m_->last_interval.find(entry.dag.dag_id); last != m_->last_interval.end())
      entry.last_interval = last->second;
    if (const auto found = m_->progress.find(entry.dag.dag_id); found != m_->progress.end())
      entry.progress = found->second;
    return entry;
  }
  /// Newest first, without their tasks.
  std::vector<DagRun> select(const RunQuery& query) {
    std::lock_guard lock(m_->mutex);
    std::vector<DagRun> out;
    for (const auto& [name, run] : m_->runs) {
      if ((!query.dag_id.empty() && name.first != query.dag_id) || (query.state && run.state != *query.state))
        continue;
      out.push_back(run);
      out.back().tasks.clear();
    }
    const bool by_date = !query.dag_id.empty();
    std::sort(out.begin(), out.end(), [by_date](const DagRun& a, const DagRun& b) {
      return by_date ? std::tie(a.logical_date, a.run_id) > std::tie(b.logical_date, b.run_id)
                     : std::tie(a.queued_at, a.dag_id, a.run_id) > std::tie(b.queued_at, b.dag_id, b.run_id);
    });
    return out;
  }

  std::shared_ptr<Memory> m_;
};

class MemoryRunWriter : public RunWriter {
 public:
  explicit MemoryRunWriter(std::shared_ptr<Memory> memory) : m_(std::move(memory)) {}

  std::vector<Applied> apply(const std::vector<RunChange>& changes, int64_t token) override {
    std::vector<Applied> out;
    std::vector<Json> events;
    {
      std::lock_guard lock(m_->mutex);
      for (const auto& change : changes) {
        out.push_back(one(change, token));
        if (out.back() == Applied::yes)
          events.push_back({{"event", "run_changed"},
                            {"dag_id", change.dag_id},
                            {"run_id", change.run_id},
                            {"state", state_name(change.to)}});
      }
    }
    for (const auto& event : events) m_->tell(event);
    return out;
  }

  Applied answer(const RequestAnswer& answer, int64_t token) override {
    std::lock_guard lock(m_->mutex);
    if (token != m_->token) return Applied::fenced;
    if (m_->requests.erase(std::stoll(answer.id)) == 0) return Applied::stale;
    m_->answers[answer.id] = answer.answer;
    return Applied::yes;
  }

  size_t trim_versions(const std::string& dag_id, size_t keep) override {
    std::lock_guard lock(m_->mutex);
    std::set<std::string> used;
    for (const auto& [name, run] : m_->runs)
      if (name.first == dag_id) used.insert(run.dag_version);
    if (const auto dag = m_->dags.find(dag_id); dag != m_->dags.end()) used.insert(dag->second.dag.version);
    auto& order = m_->version_order[dag_id];
    for (size_t i = order.size() - std::min(order.size(), keep); i < order.size(); ++i) used.insert(order[i]);
    return std::erase_if(order, [&](const std::string& version) {
      return !used.contains(version) && m_->versions.erase({dag_id, version}) == 1;
    });
  }

  size_t trim(const std::string& dag_id, size_t keep, size_t at_most) override {
    std::lock_guard lock(m_->mutex);
    std::vector<const DagRun*> all;
    for (const auto& [name, run] : m_->runs)
      if (name.first == dag_id) all.push_back(&run);
    if (all.size() <= keep) return 0;
    std::sort(all.begin(), all.end(),
              [](const auto* a, const auto* b) { return a->logical_date < b->logical_date; });
    all.resize(std::min(all.size() - keep, at_most));
    size_t deleted = 0;
    for (const auto* run : all)
      if (is_final(run->state)) {
        m_->runs.erase({run->dag_id, std::string(run->run_id)});
        ++deleted;
      }
    return deleted;
  }

 private:
  Applied one(const RunChange& change, int64_t token) {
    if (token != m_->token) return Applied::fenced;
    const auto found = m_->runs.find({change.dag_id, change.run_id});
    if (found == m_->runs.end() || found->second.state != change.from) return Applied::stale;
    DagRun next = found->second;
    std::map<std::pair<std::string, int>, size_t> places;
    for (size_t i = 0; i < next.tasks.size(); ++i)
      places[{next.tasks[i].task_id, next.tasks[i].map_index}] = i;
    std::vector<bool> gone(next.tasks.size(), false);
    for (const auto& task : change.tasks) {
      const auto place = places.find({task.to.task_id, task.to.map_index});
      if (!task.from) {
        if (place != places.end()) return Applied::stale;
        next.tasks.push_back(task.to);
        continue;
      }
      if (place == places.end()) return Applied::stale;
      auto& stored = next.tasks[place->second];
      if (stored.state != *task.from || stored.try_number != task.from_try) return Applied::stale;
      if (task.remove)
        gone[place->second] = true;
      else
        stored = task.to;
    }
    std::vector<TaskInstance> kept;
    for (size_t i = 0; i < next.tasks.size(); ++i)
      if (i >= gone.size() || !gone[i]) kept.push_back(std::move(next.tasks[i]));
    next.tasks = std::move(kept);
    std::sort(next.tasks.begin(), next.tasks.end(), [](const auto& a, const auto& b) {
      return std::tie(a.task_id, a.map_index) < std::tie(b.task_id, b.map_index);
    });
    for (const auto& answer : change.answers)
      if (!m_->requests.contains(std::stoll(answer.id))) return Applied::stale;
    for (const auto& answer : change.answers) {
      m_->requests.erase(std::stoll(answer.id));
      m_->answers[answer.id] = answer.answer;
    }
    next.state = change.to;
    if (change.restart) next.start_date = next.end_date = std::nullopt;
    if (change.start_date) next.start_date = change.start_date;
    if (change.end_date) next.end_date = change.end_date;
    if (!change.plans.is_null()) next.plans = change.plans;
    if (change.progress.is_object())
      for (const auto& [task, value] : change.progress.items()) {
        auto& progress = m_->progress[change.dag_id];
        if (progress.is_null()) progress = Json::object();
        progress[task] = value;
      }
    found->second = std::move(next);
    return Applied::yes;
  }

  std::shared_ptr<Memory> m_;
};

class MemoryLeaderLease : public LeaderLease {
 public:
  explicit MemoryLeaderLease(std::shared_ptr<Memory> memory) : m_(std::move(memory)) {}
  std::optional<int64_t> hold(const std::string& name, base::Duration lease) override {
    std::lock_guard lock(m_->mutex);
    if (m_->leader.empty() || m_->lease_end <= base::now()) {
      m_->leader = name;
      ++m_->token;
    }
    if (m_->leader != name) return std::nullopt;
    m_->lease_end = base::now() + lease;
    return m_->token;
  }
  void release(const std::string& name) override {
    std::lock_guard lock(m_->mutex);
    if (m_->leader == name) m_->leader.clear();
  }
  std::string leader() override {
    std::lock_guard lock(m_->mutex);
    return m_->lease_end > base::now() ? m_->leader : "";
  }

 private:
  std::shared_ptr<Memory> m_;
};

}  // namespace

MemoryRunStores make_memory_run_stores() {
  auto memory = std::make_shared<Memory>();
  return {std::make_shared<MemoryRunStore>(memory), std::make_shared<MemoryRunWriter>(memory),
          std::make_shared<MemoryLeaderLease>(memory)};
}

}  // namespace tamis::workflow
