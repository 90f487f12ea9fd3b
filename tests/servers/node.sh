# Sourced by start-elasticsearch and start-opensearch: options and the start of a node in a plain Java process.

# read_options ARGUMENT…: sets folder, port, options (setting=value) and, where it is allowed, security.
read_options() {
  security='' folder='' port=0 options=()
  while [[ $# -gt 0 ]]; do
    case $1 in
      --security) security=yes ;;
      -h | --help) manual; exit 0 ;;
      -*) die "unknown option $1 (see --help)" ;;
      *=*) options+=("$1") ;;
      *) if [[ -z $folder ]]; then folder=$1; elif [[ $1 =~ ^[0-9]+$ ]]; then port=$1; else die "not a port: $1"; fi ;;
    esac
    shift
  done
  [[ $folder ]] || { manual >&2; exit 2; }
}

# start_node NAME HOME CLASS OPTION…: NAME is the prefix of its Java properties too.
start_node() {
  local name=$1 home=$2 class=$3 scheme=http heap=${TAMIS_SERVERS_HEAP:-1g}
  shift 3
  mkdir -p "$data"/{config,data,logs,tmp}
  touch "$data/config/$name.yml"
  cat >"$data/config/log4j2.properties" <<'P'
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%-25c{1.}] %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
P
  ((port)) && busy "$port" && die "port $port is taken"
  [[ " $* " == *" xpack.security.http.ssl.enabled=true "* ]] && scheme=https
  local prefix=es
  [[ $name == opensearch ]] && prefix=opensearch
  launch java "-Xms$heap" "-Xmx$heap" -XX:+ExitOnOutOfMemoryError -XX:-OmitStackTraceInFastThrow -Djava.io.tmpdir="$data/tmp" \
    -Dfile.encoding=UTF-8 -Djna.nosys=true -Dlog4j2.disable.jmx=true -Dio.netty.noUnsafe=true \
    -Dio.netty.noKeySetOptimization=true -Dio.netty.recycler.maxCapacityPerThread=0 \
    "-D$prefix.path.home=$home" "-D$prefix.path.conf=$data/config" -cp "$home/node:$home/lib/*" "$class" "$data/ready" \
    cluster.name=tamis-test "path.data=$data/data" "path.logs=$data/logs" network.host=127.0.0.1 "http.port=$port" \
    transport.port=0 discovery.type=single-node cluster.routing.allocation.disk.threshold_enabled=false "$@"
  await test -s "$data/ready"
  started "$scheme://127.0.0.1:$(cat "$data/ready")"
}
