# Sourced by the scripts beside it: fetching jars once, starting a server in the background, waiting for it, ending it.
# A server's DATA_DIR holds `pid`, `server.log` and `address`; the server runs with DATA_DIR as its working directory, by
# which stop_server knows that a pid is still the one that was started.
#   TAMIS_SERVERS_CACHE  where jars are kept (default ${XDG_CACHE_HOME:-~/.cache}/tamis; worth caching in CI)
#   TAMIS_SERVERS_WAIT   seconds that a server may take to start (default 180)
servers=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${TAMIS_SERVERS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tamis}
patience=${TAMIS_SERVERS_WAIT:-180}

say() { echo "${0##*/}: $*" >&2; }
die() { say "$*"; exit 1; }
# The comment at the head of the script is its manual.
manual() { sed -n '2,/^[^#]/{s/^# \{0,1\}//;t show;d;:show;p}' "$0"; }

need_java() {
  command -v java >/dev/null && command -v javac >/dev/null || die "no JDK found (Debian: openjdk-17-jdk-headless)"
  local major
  major=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
  [[ ${major:-0} -ge 17 ]] || die "java is version ${major:-unknown}; 17 or newer is needed"
}

# fetched NAME FUNCTION: prints the folder of server NAME's files.  The first time FUNCTION fills it: called with the folder
# of the pom.xml and the folder to fill.  The place depends on everything it is made from, and appears only when complete.
fetched() {
  local source=$servers/$1 stamp place
  stamp=$({ find "$source" -type f -print0 | sort -z | xargs -0 cat; declare -f "$2"; } | sha256sum | cut -c1-12)
  place=$cache/$1-${2#fill_}-$stamp
  mkdir -p "$cache"
  (
    flock 8
    [[ -d $place ]] && exit 0
    command -v mvn >/dev/null || die "no mvn found, which fetches the jars once (Debian: maven)"
    say "fetching $1, once, into $place"
    rm -rf "$place.part"
    mkdir -p "$place.part"
    ("$2" "$source" "$place.part") >"$place.log" 2>&1 || { tail -n 20 "$place.log" >&2; exit 1; }
    mv "$place.part" "$place"
    rm -f "$place.log"
  ) 8>"$cache/.lock-$1" || die "could not get the files of $1 (see above)"
  echo "$place"
}

# copy_jars POM_FOLDER DESTINATION [MAVEN_OPTION…]
copy_jars() {
  mvn -q -B -f "$1/pom.xml" "${@:3}" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$2"
}

busy() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
# free_ports N: the first of N neighbouring ports that nobody listens on.
free_ports() {
  local port i
  for _ in {1..50}; do
    port=$((20000 + RANDOM % 10000))
    for ((i = 0; i < $1; i++)); do busy $((port + i)) && continue 2; done
    echo "$port"
    return
  done
  die "found no free ports"
}

# enter DATA_DIR: makes it, takes its lock, and sets `data`.  Prints the address and ends when the server runs already.
enter() {
  mkdir -p "$1" || die "can't make the folder \"$1\""
  data=$(cd "$1" && pwd)
  exec 9>"$data/.lock"
  flock -w "$patience" 9 || die "another ${0##*/} has held $data for $patience s"
  if alive >/dev/null && [[ -s $data/address ]]; then
    cat "$data/address"
    exit 0
  fi
  rm -f "$data/address" "$data/ready"
}

alive() {
  local pid
  pid=$(cat "$data/pid" 2>/dev/null) || return 1
  [[ $pid =~ ^[0-9]+$ && $(readlink "/proc/$pid/cwd" 2>/dev/null) == "$data" ]] || return 1
  echo "$pid"
}

# launch COMMAND…: runs it in the background, detached, in $data.
launch() {
  : >"$data/server.log"
  (cd "$data" && exec setsid "$@" >server.log 2>&1 </dev/null 9>&-) &
  echo $! >"$data/pid"
  server=$!
}

# await CHECK…: waits until the command succeeds; ends with the log's last lines when the server ends or takes too long.
await() {
  local deadline=$((SECONDS + patience))
  until "$@"; do
    if ! kill -0 "$server" 2>/dev/null; then
      rm -f "$data/pid"
      tail -n 25 "$data/server.log" | cut -c1-300 >&2
      die "the server ended while starting; its log is $data/server.log"
    fi
    if ((SECONDS >= deadline)); then
      kill "$server" 2>/dev/null || true
      rm -f "$data/pid"
      die "not ready after $patience s; its log is $data/server.log"
    fi
    sleep 0.05
  done
}

# started ADDRESS: notes and prints it.
started() { echo "$1" | tee "$data/address"; }

# stop_server [--kill] DATA_DIR
stop_server() {
  local signal=TERM pid
  [[ ${1:-} == --kill ]] && { signal=KILL; shift; }
  [[ $# -eq 1 ]] || { manual >&2; exit 2; }
  data=$(cd "$1" 2>/dev/null && pwd) || exit 0
  if pid=$(alive); then
    kill "-$signal" "$pid" 2>/dev/null || true
    for ((i = 0; i < 300; i++)); do
      # A process that is ending loses its working directory before it closes its sockets.
      [[ -r /proc/$pid/stat && $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null) != Z* ]] || break
      ((i == 299)) && { say "still there after 30 s: killed"; kill -KILL "$pid" 2>/dev/null || true; }
      sleep 0.1
    done
  fi
  rm -f "$data/pid" "$data/address" "$data/ready"
}
