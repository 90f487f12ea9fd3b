// The kafka source, sink and client against a real broker.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "core/base/error.h"
#include "core/base/id.h"
#include "core/base/json.h"
#include "tasks/sinks/sink.h"
#include "tasks/sources/kafka_client.h"
#include "tasks/sources/source.h"
#include "tests/integration/servers.h"

namespace tamis::sources {
namespace {

using namespace std::chrono_literals;
using base::Json;
using testing::HasSubstr;

std::string new_topic(const std::string& what) {
  return "test-" + what + "-" + base::random_uuid().substr(0, 8);
}

std::unique_ptr<Source> source(const base::KafkaConnection& connection, const Json& parameters) {
  SourceContext context;
  context.connections.kafka = connection;
  return find_source("kafka")->make(base::Node::from_json(parameters), context);
}

struct Read {
  std::vector<int64_t> offsets;
  std::vector<std::string> values;
  std::vector<base::Instant> times;
  size_t nulls = 0, lookback = 0;
  ReadReport report;
};

Read read(Source& from, const records::Slice& slice, int64_t lookback = 0) {
  const auto reader = from.open(slice, lookback);
  Read all;
  records::RecordBatch batch;
  while (reader->read(batch, 1000, {}))
    for (const auto& record : batch.records) {
      if (record.is_lookback) {
        ++all.lookback;
        continue;
      }
      all.offsets.push_back(record.offset);
      all.values.emplace_back(record.bytes);
      all.times.push_back(record.time);
      all.nulls += record.is_null ? 1 : 0;
    }
  all.report = reader->report();
  return all;
}

template <typename Failure, typename Work>
std::string failure(Work work) {
  try {
    work();
  } catch (const Failure& error) {
    return error.what();
  } catch (const std::exception& other) {
    ADD_FAILURE() << "another error: " << other.what();
    return "";
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

/// Waits until `done`, at most 60 s.
template <typename Done>
bool eventually(Done done) {
  for (const auto end = std::chrono::steady_clock::now() + 60s; std::chrono::steady_clock::now() < end;
       std::this_thread::sleep_for(20ms))
    if (done()) return true;
  return false;
}

void fill(const base::KafkaConnection& connection, const std::string& topic, int32_t partition, int from,
          int to) {
  KafkaProducer producer(connection);
  for (int i = from; i < to; ++i)
    producer.produce(topic, "k" + std::to_string(i), R"({"n":)" + std::to_string(i) + "}",
                     base::Instant(1'772'352'000s + i * 1s), partition);
  producer.flush();
}

TEST(KafkaSource, PlansEveryPartitionToItsEndAndReadsEveryRecordOnce) {
  TAMIS_NEEDS_KAFKA(address);
  const base::KafkaConnection connection{.brokers = address};
  const auto topic = new_topic("plan");
  KafkaCluster cluster(connection);
  EXPECT_TRUE(cluster.create_topic(topic, 3));
  EXPECT_FALSE(cluster.create_topic(topic, 3));
  fill(connection, topic, 0, 0, 2500);
  fill(connection, topic, 2, 0, 10);

  const auto kafka = source(connection, {{"topic", topic}, {"slice_records", 1000}});
  const auto plan = kafka->plan({});
  ASSERT_EQ(plan.slices.size(), 4U);
  EXPECT_EQ(plan.slices[0].position, Json({{"topic", topic}, {"partition", 0}, {"start", 0}, {"end", 1000}}));
  EXPECT_EQ(plan.slices[2].position,
            Json({{"topic", topic}, {"partition", 0}, {"start", 2000}, {"end", 2500}}));
  EXPECT_EQ(plan.slices[3].position, Json({{"topic", topic}, {"partition", 2}, {"start", 0}, {"end", 10}}));
  EXPECT_EQ(plan.slices[1].name(), topic + "-0-1000");

  int64_t expected = 0;
  for (size_t i = 0; i < 3; ++i) {
    const auto all = read(*kafka, plan.slices[i]);
    for (size_t k = 0; k < all.offsets.size(); ++k, ++expected) {
      ASSERT_EQ(all.offsets[k], expected);
      ASSERT_EQ(all.values[k], R"({"n":)" + std::to_string(expected) + "}");
      ASSERT_EQ(all.times[k], base::Instant(1'772'352'000s + expected * 1s));
    }
    EXPECT_EQ(all.report.holes, 0);
  }
  EXPECT_EQ(expected, 2500);

  // The next run goes on where this one ended, and finds nothing until there is more.
  EXPECT_TRUE(kafka->plan({.cursor = plan.cursor}).slices.empty());
  fill(connection, topic, 1, 0, 5);
  const auto next = kafka->plan({.cursor = plan.cursor});
  ASSERT_EQ(next.slices.size(), 1U);
  EXPECT_EQ(next.slices[0].position, Json({{"topic", topic}, {"partition", 1}, {"start", 0}, {"end", 5}}));
}

TEST(KafkaSource, ReadsTheSameSliceAgainWithTheSameOutcome) {
  TAMIS_NEEDS_KAFKA(address);
  const base::KafkaConnection connection{.brokers = address};
  const auto topic = new_topic("again");
  KafkaCluster(connection).create_topic(topic, 1);
  fill(connection, topic, 0, 0, 5000);
  const auto kafka = source(connection, {{"topic", topic}});
  const records::Slice slice{{{"topic", topic}, {"partition", 0}, {"start", 1234}, {"end", 4321}}};
  const auto first = read(*kafka, slice);
  EXPECT_EQ(first.offsets.size(), 4321U - 1234U);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(read(*kafka, slice).values, first.values);
  const auto with_lookback = read(*kafka, slice, 100);
  EXPECT_EQ(with_lookback.lookback, 100U);
  EXPECT_EQ(with_lookback.values, first.values);
  EXPECT_EQ(read(*kafka, slice, 10'000).lookback, 1234U);
}

TEST(KafkaSource, ReadsManySlicesAtOnce) {
  TAMIS_NEEDS_KAFKA(address);
  const base::KafkaConnection connection{.brokers = address};
  const auto topic = new_topic("parallel");
  KafkaCluster(connection).create_topic(topic, 2);
  fill(connection, topic, 0, 0, 4000);
  fill(connection, topic, 1, 0, 4000);
  const auto plan = source(connection, {{"topic", topic}, {"slice_records", 500}})->plan({});
  ASSERT_EQ(plan.slices.size(), 16U);
  std::atomic<size_t> next = 0, records = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      const auto kafka = source(connection, {{"topic", topic}});
      for (size_t i; (i = next++) < plan.slices.size();)
        records += read(*kafka, plan.slices[i]).offsets.size();
    });
  threads.clear();
  EXPECT_EQ(records, 8000U);
}

TEST(KafkaSource, BeginsWhereItIsToldTo) {
  TAMIS_NEEDS_KAFKA(address);
  const base::KafkaConnection connection{.brokers = address};
  const auto topic = new_topic("from");
  KafkaCluster(connection).create_topic(topic, 2);
  fill(connection, topic, 0, 0, 100);
  const auto latest = source(connection, {{"topic", topic}, {"from", "latest"}})->plan({});
  EXPECT_TRUE(latest.slices.empty());
  EXPECT_EQ(latest.cursor["partitions"]["0"], 100);
  const auto at = source(connection, {{"topic", topic}, {"from", "2026-03-01T08:00:40Z"}})->plan({});
  ASSERT_EQ(at.slices.size(), 1U);
  EXPECT_EQ(at.slices[0].position["start"], 40);
  // A cursor of another topic is not this one's.
  EXPECT_EQ(source(connection, {{"topic", topic}})
                ->plan({.cursor = {{"topic", "x"}, {"partitions", {{"0", 50}}}}})
                .slices[0]
                .position["start"],
            0);
}

TEST(KafkaSource, TakesWhatBelongsToAnInterval) {
  TAMIS_NEEDS_KAFKA(address);
  const base::KafkaConnection connection{.brokers = address};
  const auto topic = new_topic("interval");
  KafkaCluster(connection).create_topic(topic, 2);
  fill(connection, topic, 0, 0, 100);
  fill(connection, topic, 1, 50, 60);
  const auto kafka = source(connection, {{"topic", topic}, {"by", "time"}});
  const auto at = [](int second) { return base::Instant(1'772'352'000s + second * 1s); };
  const auto plan = kafka->plan({.interval = {at(20), at(55)}});
  ASSERT_EQ(plan.slices.size(), 2U);
  EXPECT_EQ(plan.slices[0].position, Json({{"topic", topic}, {"partition", 0}, {"start", 20}, {"end", 55}}));
  EXPECT_EQ(plan.slices[1].position, Json({{"topic", topic}, {"partition", 1}, {"start", 0}, {"end", 5}}));
  EXPECT_TRUE(kafka->plan({.interval = {at(200), at(300)}}).slices.empty());
  EXPECT_EQ(kafka->plan({.interval = {at(-100), at(1000)}}).slices.size(), 2U);
}

TEST(KafkaSource, KnowsEmptyValuesFromNone) {
  TAMIS_NEEDS_KAFKA(address);
  const base::KafkaConnection connection{.brokers = address};
  const auto topic = new_topic("null");
  KafkaCluster(connection).create_topic(topic, 1);
  KafkaProducer producer(connection);
  producer.produce(topic, "a", std::nullopt);
  producer.produce(topic, "b", "");
  producer.produce(topic, "", "x");
  producer.flush();
  const auto kafka = source(connection, {{"topic", topic}});
  const auto all = read(*kafka, kafka->plan({}).slices.at(0));
  EXPECT_THAT(all.values, testing::ElementsAre("", "", "x"));
  EXPECT_EQ(all.nulls, 1U);
}

TEST(KafkaSource, SuggestsTheTopicThatWasMeant) {
  TAMIS_NEEDS_KAFKA(address);
  const base::KafkaConnection connection{.brokers = address};
  const auto topic = new_topic("sensors");
  KafkaCluster(connection).create_topic(topic, 1);
  const auto misspelt = topic + "s";
  const auto text = failure<base::UserError>([&] { source(connection, {{"topic", misspelt}})->plan({}); });
  EXPECT_THAT(text, HasSubstr("has no topic \"" + misspelt + "\" (did you mean \"" + topic + "\"?)"));
  failure<base::UserError>([&] {
    read(*source(connection, {{"topic", misspelt}}),
         {{{"topic", misspelt}, {"partition", 0}, {"start", 0}, {"end", 5}}});
  });
}

TEST(KafkaSource, NamesTheAddressOfABrokerThatIsNotThere) {
  TAMIS_NEEDS_KAFKA(address);
  const base::KafkaConnection nobody{.brokers = "127.0.0.1:1"};
  const auto begin = std::chrono::steady_clock::now();
  const auto text = failure<base::TransientError>([&] { source(nobody, {{"topic", "x"}})->plan({}); });
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 25s);
  EXPECT_THAT(text, HasSubstr("127.0.0.1:1"));
  EXPECT_THAT(text, HasSubstr("refused"));
}

TEST(KafkaSource, ReportsTheExactRangeThatRetentionDeleted) {
  TAMIS_NEEDS_KAFKA(address);
  const base::KafkaConnection connection{.brokers = address};
  const auto topic = new_topic("retention");
  KafkaCluster cluster(connection);
  cluster.create_topic(topic, 1, {{"retention.bytes", "1048576"}, {"segment.bytes", "1048576"}});
  {
    KafkaProducer producer(connection, {.compression = "none"});
    const std::string value(1000, 'x');
    for (int i = 0; i < 6000; ++i) producer.produce(topic, "", value);
    producer.flush();
  }
  int64_t low = 0;
  ASSERT_TRUE(eventually([&] {
    const auto now = cluster.range(topic, 0).low;
    return now > 0 && std::exchange(low, now) == now;
  }));
  const records::Slice slice{{{"topic", topic}, {"partition", 0}, {"start", 0}, {"end", 6000}}};
  const auto text = failure<base::UserError>([&] { read(*source(connection, {{"topic", topic}}), slice); });
  EXPECT_THAT(text, HasSubstr("topic \"" + topic + "\", partition 0: offsets 0 to " +
                              std::to_string(low - 1) + " were deleted"));
  const auto going_on = read(*source(connection, {{"topic", topic}, {"on_data_loss", "record"}}), slice);
  EXPECT_EQ(going_on.report.lost, Json::array({{{"start", 0}, {"end", low}}}));
  EXPECT_EQ(going_on.offsets.size(), static_cast<size_t>(6000 - low));
  EXPECT_EQ(going_on.offsets.front(), low);
  // A run that would go on before the log's beginning has one slice that tells of the loss.
  const auto plan = source(connection, {{"topic", topic}, {"slice_records", 100}})
                        ->plan({.cursor = {{"topic", topic}, {"partitions", {{"0", 10}}}}});
  EXPECT_EQ(plan.slices[0].position,
            Json({{"topic", topic}, {"partition", 0}, {"start", 10}, {"end", low + 100}}));
}

TEST(KafkaSource, RefusesASliceBeyondTheLog) {
  TAMIS_NEEDS_KAFKA(address);
  const base::KafkaConnection connection{.brokers = address};
  const auto topic = new_topic("beyond");
  KafkaCluster(connection).create_topic(topic, 1);
  fill(connection, topic, 0, 0, 10);
  const auto text = failure<base::UserError>([&] {
    read(*source(connection, {{"topic", topic}}),
         {{{"topic", topic}, {"partition", 0}, {"start", 5}, {"end", 20}}});
  });
  EXPECT_THAT(text, HasSubstr("ends at offset 20 but the log ends at 10"));
  failure<base::UserError>([&] {
    source(connection, {{"topic", topic}})->plan({.cursor = {{"topic", topic}, {"partitions", {{"0", 50}}}}});
  });
}

TEST(KafkaSource, CountsMarkersAndAbortedRecordsAsHolesAndWaitsForOpenTransactions) {
  TAMIS_NEEDS_KAFKA(address);
  const base::KafkaConnection connection{.brokers = address};
  const auto topic = new_topic("transactions");
  KafkaCluster cluster(connection);
  cluster.create_topic(topic, 1);
  KafkaProducer producer(connection, {.transactional_id = topic});
  const auto send = [&](int count) {
    for (int i = 0; i < count; ++i) producer.produce(topic, "", "x", {}, 0);
  };
  producer.begin();
  send(10);
  producer.commit();  // marker at 10
  producer.begin();
  send(5);
  producer.flush();
  producer.abort();  // 11 to 15, marker at 16
  ASSERT_TRUE(eventually([&] { return cluster.range(topic, 0).high == 17; })) << cluster.range(topic, 0).high;
  producer.begin();
  send(3);
  producer.flush();  // 17 to 19, open

  const auto kafka = source(connection, {{"topic", topic}});
  const auto plan = kafka->plan({});
  ASSERT_EQ(plan.slices.size(), 1U);
  EXPECT_EQ(plan.slices[0].position["end"], 17);  // nothing of what is open
  const auto all = read(*kafka, plan.slices[0]);
  EXPECT_EQ(all.offsets.size(), 10U);
  EXPECT_EQ(all.report.holes, 7);

  // A slice that ends in the open transaction is done when that is.
  std::jthread commit([&] {
    std::this_thread::sleep_for(300ms);
    producer.commit();
  });
  const auto open = read(*kafka, {{{"topic", topic}, {"partition", 0}, {"start", 17}, {"end", 20}}});
  EXPECT_EQ(open.offsets.size(), 3U);
}

TEST(KafkaSource, CountsWhatCompactionTookAsHoles) {
  TAMIS_NEEDS_KAFKA(address);
  const base::KafkaConnection connection{.brokers = address};
  const auto topic = new_topic("compacted");
  KafkaCluster cluster(connection);
  cluster.create_topic(
      topic, 1,
      {{"cleanup.policy", "compact"}, {"segment.ms", "100"}, {"min.cleanable.dirty.ratio", "0.01"}});
  KafkaProducer producer(connection);
  const auto kafka = source(connection, {{"topic", topic}});
  int64_t sent = 0;
  Read all;
  ASSERT_TRUE(eventually([&] {
    for (int i = 0; i < 100; ++i, ++sent)
      producer.produce(topic, "k" + std::to_string(i % 10), std::to_string(sent));
    producer.flush();
    std::this_thread::sleep_for(120ms);
    all = read(*kafka, {{{"topic", topic}, {"partition", 0}, {"start", 0}, {"end", sent}}});
    return all.report.holes > 0;
  }));
  EXPECT_EQ(static_cast<int64_t>(all.offsets.size()) + all.report.holes, sent);
  EXPECT_TRUE(all.report.lost.empty());
  EXPECT_EQ(all.values.back(), std::to_string(sent - 1));
}

TEST(KafkaSink, WritesDocumentsKeyedByTheirIds) {
  TAMIS_NEEDS_KAFKA(address);
  sinks::SinkContext context;
  context.connections.kafka.brokers = address;
  const auto topic = new_topic("sink");
  const auto sink =
      sinks::find_sink("kafka")->make(base::Node::from_json({{"topic", topic}, {"partitions", 2}}), context);
  auto batch = std::make_shared<records::DocumentBatch>();
  batch->indices = {topic};
  batch->bytes = "id1{\"a\":1}";
  batch->entries = {{.id = 0, .id_size = 3, .body_size = 7}};
  sink->write(batch);
  sink->finish();
  const auto kafka = source(context.connections.kafka, {{"topic", topic}});
  const auto plan = kafka->plan({});
  ASSERT_EQ(plan.slices.size(), 1U);
  EXPECT_THAT(read(*kafka, plan.slices[0]).values, testing::ElementsAre("{\"a\":1}"));
}

TEST(KafkaSink, RefusesATopicThatIsNotThere) {
  TAMIS_NEEDS_KAFKA(address);
  sinks::SinkContext context;
  context.connections.kafka.brokers = address;
  const auto sink =
      sinks::find_sink("kafka")->make(base::Node::from_json({{"topic", "no-such-topic"}}), context);
  auto batch = std::make_shared<records::DocumentBatch>();
  batch->indices = {"no-such-topic"};
  batch->bytes = "id1{}";
  batch->entries = {{.id = 0, .id_size = 3, .body_size = 2}};
  EXPECT_THAT(failure<base::UserError>([&] { sink->write(batch); }),
              HasSubstr("has no topic \"no-such-topic\""));
}

TEST(KafkaProducer, TellsThatAMessageIsTooLarge) {
  TAMIS_NEEDS_KAFKA(address);
  const base::KafkaConnection connection{.brokers = address};
  const auto topic = new_topic("large");
  KafkaCluster(connection).create_topic(topic, 1, {{"max.message.bytes", "2000"}});
  KafkaProducer producer(connection, {.compression = "none"});
  producer.produce(topic, "", std::string(5000, 'x'));
  EXPECT_THAT(failure<base::UserError>([&] { producer.flush(); }), HasSubstr("1 message for topic"));
}

TEST(KafkaSecurity, LogsInOverTlsAndSaysWhyItCannot) {
  TAMIS_NEEDS_KAFKA(shared);
  const tests::OwnServer server("kafka", "--secure", "");
  const int port = std::stoi(server.address().substr(server.address().find(':') + 1));
  const base::KafkaConnection good{.brokers = "127.0.0.1:" + std::to_string(port + 4),
                                   .security_protocol = "sasl_ssl",
                                   .sasl_mechanism = "PLAIN",
                                   .sasl_username = "tamis",
                                   .sasl_password = "tamis-secret",
                                   .ssl_ca = server.folder() + "/ca.pem"};
  EXPECT_TRUE(KafkaCluster(good).create_topic("secured", 1));
  fill(good, "secured", 0, 0, 10);
  const auto kafka = source(good, {{"topic", "secured"}});
  EXPECT_EQ(read(*kafka, kafka->plan({}).slices.at(0)).offsets.size(), 10U);

  auto wrong_password = good;
  wrong_password.sasl_password = "guess";
  EXPECT_THAT(failure<base::UserError>([&] { KafkaCluster(wrong_password).topics(); }),
              HasSubstr("refused the login of user \"tamis\" (PLAIN)"));
  auto stranger = good;
  stranger.ssl_ca = "/etc/ssl/certs/ca-certificates.crt";
  EXPECT_THAT(failure<base::TransientError>([&] { KafkaCluster(stranger, 5s).topics(); }),
              HasSubstr("certificate"));
  auto plain_text = good;
  plain_text.security_protocol = "ssl";
  plain_text.brokers = "127.0.0.1:" + std::to_string(port + 3);
  EXPECT_THAT(KafkaCluster(plain_text).topics(), testing::Contains("secured"));
  // Kafka 4 refuses SCRAM from librdkafka before 2.6.1: then the error says so.
  auto scram = good;
  scram.sasl_mechanism = "SCRAM-SHA-256";
  try {
    EXPECT_THAT(KafkaCluster(scram).topics(), testing::Contains("secured"));
  } catch (const base::UserError& error) {
    EXPECT_THAT(error.what(), HasSubstr("SCRAM from librdkafka"));
    EXPECT_THAT(error.what(), HasSubstr("2.6.1"));
  }
}

}  // namespace
}  // namespace tamis::sources
