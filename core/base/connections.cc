#include "core/base/connections.h"

#include <gflags/gflags.h>

#include "core/base/error.h"

DEFINE_string(redis, "redis://127.0.0.1:6379/0",
              "Redis: redis://[user:password@]host:port/db or unix:///path?db=n");
DEFINE_string(redis_key_prefix, "", "put before every Redis key, as Celery's global_keyprefix");
DEFINE_string(kafka, "127.0.0.1:9092", "Kafka's bootstrap servers, separated by commas");
DEFINE_string(kafka_security_protocol, "plaintext", "plaintext, ssl, sasl_plaintext or sasl_ssl");
DEFINE_string(kafka_sasl_mechanism, "", "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512");
DEFINE_string(kafka_sasl_username, "", "the SASL user");
DEFINE_string(kafka_sasl_password, "", "the SASL password");
DEFINE_string(kafka_ssl_ca, "", "file of the authorities to trust, PEM");
DEFINE_string(kafka_ssl_certificate, "", "file of the client's certificate, PEM");
DEFINE_string(kafka_ssl_key, "", "file of the client's key, PEM");
DEFINE_string(kafka_ssl_key_password, "", "the client key's password");
DEFINE_string(elasticsearch, "http://127.0.0.1:9200",
              "Elasticsearch or OpenSearch nodes, separated by commas");
DEFINE_string(elasticsearch_username, "", "user for basic authentication");
DEFINE_string(elasticsearch_password, "", "password for basic authentication");
DEFINE_string(elasticsearch_api_key, "", "encoded API key, instead of user and password");
DEFINE_string(elasticsearch_ca, "", "file of the authorities to trust, PEM");
DEFINE_int32(elasticsearch_bulk_bytes, 5 << 20, "size of a bulk request's body before compression");
DEFINE_int32(elasticsearch_max_in_flight, 4, "bulk requests at once, at most");
DEFINE_bool(elasticsearch_gzip, false, "compress bulk requests (gzip, level 1)");
DEFINE_string(elasticsearch_timeout, "60s", "how long one request may take");
DEFINE_string(elasticsearch_deadline, "5m", "how long a document is tried again before its slice fails");
DEFINE_string(data_dir, ".", "where relative paths of sqlite and files sinks start");

namespace tamis::base {
namespace {

Duration duration_flag(const char* name, const std::string& value) {
  const auto duration = parse_duration(value);
  if (!duration) throw UserError("--{}: \"{}\" is no duration; write 90s, 5m or PT5M", name, value);
  return *duration;
}

}  // namespace

Connections connections_from_flags() {
  Connections c;
  c.redis = {FLAGS_redis, FLAGS_redis_key_prefix};
  c.kafka = {FLAGS_kafka,
             FLAGS_kafka_security_protocol,
             FLAGS_kafka_sasl_mechanism,
             FLAGS_kafka_sasl_username,
             FLAGS_kafka_sasl_password,
             FLAGS_kafka_ssl_ca,
             FLAGS_kafka_ssl_certificate,
             FLAGS_kafka_ssl_key,
             FLAGS_kafka_ssl_key_password};
  c.elasticsearch = {FLAGS_elasticsearch,
                     FLAGS_elasticsearch_username,
                     FLAGS_elasticsearch_password,
                     FLAGS_elasticsearch_api_key,
                     FLAGS_elasticsearch_ca,
                     FLAGS_elasticsearch_bulk_bytes,
                     FLAGS_elasticsearch_max_in_flight,
                     FLAGS_elasticsearch_gzip,
                     duration_flag("elasticsearch_timeout", FLAGS_elasticsearch_timeout),
                     duration_flag("elasticsearch_deadline", FLAGS_elasticsearch_deadline)};
  if (c.elasticsearch.bulk_bytes < 1024 || c.elasticsearch.bulk_bytes > (90 << 20))
    throw UserError("--elasticsearch_bulk_bytes must be between 1024 and {}", 90 << 20);
  if (c.elasticsearch.max_in_flight < 1 || c.elasticsearch.max_in_flight > 64)
    throw UserError("--elasticsearch_max_in_flight must be between 1 and 64");
  c.data_dir = FLAGS_data_dir;
  return c;
}

}  // namespace tamis::base
