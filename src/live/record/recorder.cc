#include "live/record/recorder.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "core/table/command.h"
#include "core/table/letter_case.h"
#include "live/net/interrupt_fd.h"
#include "live/proxy/toxic_gate.h"
#include "live/proxy/toxic_loop.h"
#include "live/proxy/upstream.h"

namespace resprobe::live {
namespace {

int Fail(const std::string& error) {
  std::fprintf(stderr, "resprobe: %s\n", error.c_str());
  return 2;
}

}  // namespace

Recorder::Streams::Streams(Recorder* recorder)
    : requests(recorder->max_case_bytes_,
               [recorder](std::string_view piece) { recorder->Keep("request", piece); }),
      replies(recorder->max_case_bytes_,
              [recorder](std::string_view piece) { recorder->Keep("reply", piece); }) {}

void Recorder::OnOpen(uint64_t connection) {
  ++connections_;
  sessions_.Open(connection);
  open_.try_emplace(connection, this);
}

void Recorder::OnClientBytes(uint64_t connection, std::string_view bytes) {
  Streams& streams = open_.at(connection);
  if (!std::exchange(streams.begun, true) && bytes.starts_with(cluster::kBusSignature)) {
    streams.bus = std::make_unique<BusLink>();
  }
  if (streams.bus != nullptr) {
    return KeepPackets(bytes, streams.bus.get(), &streams.bus->from_client);
  }
  StreamCutter<RequestMessages>& stream = streams.requests;
  stream.Feed(bytes, [&] {
    ++requests_;
    KeepQuery(stream.parser().args());
    if (LeftOut(stream.parser().args())) return;
    sessions_.Request(connection, stream.parser().args());
    reads_and_writes_.Request(connection, stream.parser().args());
  });
  sessions_.EndOfRead(connection);
  reads_and_writes_.EndOfRead(connection);
}

void Recorder::OnServerBytes(uint64_t connection, std::string_view bytes) {
  Streams& streams = open_.at(connection);
  if (streams.bus != nullptr) {
    return KeepPackets(bytes, streams.bus.get(), &streams.bus->from_server);
  }
  streams.begun = true;
  streams.replies.Feed(bytes, [&] { ++replies_; });
  reads_and_writes_.Received(connection);
}

void Recorder::OnClose(uint64_t connection) {
  const auto streams = open_.find(connection);
  streams->second.requests.Finish();
  streams->second.replies.Finish();
  refused_streams_ += streams->second.requests.refused();
  refused_streams_ += streams->second.replies.refused();
  refused_streams_ += streams->second.bus != nullptr && streams->second.bus->refused;
  open_.erase(streams);
  sessions_.Close(connection);
  reads_and_writes_.Close(connection);
}

void Recorder::OnRefused(const std::string& error) {
  std::fprintf(stderr, "resprobe: a client was disconnected: %s\n", error.c_str());
}

void Recorder::Keep(std::string_view prefix, std::string_view piece) {
  store_->Add("resp_parser", prefix, "", piece, &error_) &&
      store_->Add("resp_differential", prefix, "", piece, &error_);
}

// As tapes of cluster_bus (worlds/cluster_bus/bus_tape.h): 'v', then the packet. A node of valkey
// reads all that one of redis does.
void Recorder::KeepPackets(std::string_view bytes, BusLink* link, cluster::PacketSplitter* stream) {
  if (link->refused) return;
  stream->Append(bytes);
  std::string_view packet;
  cluster::BusResult result;
  while ((result = stream->Next(&packet)).ok()) {
    ++packets_;
    store_->Add("cluster_bus", "packet", "", std::string("v").append(packet), &error_);
  }
  link->refused = result.error != cluster::BusError::kTruncated;
}

bool Recorder::LeftOut(std::span<const std::string_view> args) const {
  return std::any_of(leave_out_.begin(), leave_out_.end(), [&](std::string_view words) {
    size_t i = 0;
    for (; !words.empty() && i < args.size(); ++i) {
      const size_t end = std::min(words.find(' '), words.size());
      if (!CommandContext::IsWord(args[i], UpperCase(words.substr(0, end)))) return false;
      words.remove_prefix(std::min(end + 1, words.size()));
    }
    return words.empty();
  });
}

// Stores FT.SEARCH index query [NOSTOPWORDS] … [DIALECT n] as a tape of query_parser: a byte of
// options (worlds/query/query_tape.h: '1' or '2' for the dialect, plus 8 without stop words), then
// the query.
void Recorder::KeepQuery(std::span<const std::string_view> args) {
  if (args.size() < 3) return;
  constexpr std::string_view kQueries[] = {"FT.SEARCH", "FT.AGGREGATE", "FT.EXPLAIN",
                                           "FT.EXPLAINCLI"};
  if (std::ranges::none_of(
          kQueries, [&](std::string_view name) { return CommandContext::IsWord(args[0], name); })) {
    return;
  }
  char options = '1';  // the server's default dialect
  for (size_t i = 3; i < args.size(); ++i) {
    if (CommandContext::IsWord(args[i], "NOSTOPWORDS")) options = static_cast<char>(options | 8);
    if (CommandContext::IsWord(args[i], "DIALECT") && i + 1 < args.size() && args[i + 1] != "1") {
      options = static_cast<char>((options & ~3) | 2);
    }
  }
  std::string tape(1, options);
  tape += args[2];
  store_->Add("query_parser", "query", "", tape, &error_);
}

int RunRecord(const RecordOptions& options) {
  std::string error;
  if (options.listen_port < 0 || options.listen_port > 65535) {
    return Fail("--listen takes a port from 1 to 65535, or 0 for a free one");
  }
  if (options.max_case_bytes == 0) return Fail("a case must be at least one byte long");
  const std::unique_ptr<Upstream> server = Upstream::Open(options.target, &error);
  if (server == nullptr && !options.target.stop()) return Fail(error);

  // Signals are caught from here on; the loop reads them between two steps of the proxy.
  InterruptFd interrupted;
  if (!interrupted.valid()) return Fail("the system refuses a signal descriptor");
  if (options.target.stop()) {
    Fail("interrupted");
    return 130;
  }
  CaseStore store(options.output);
  Recorder recorder(&store, options.max_case_bytes, options.leave_out);
  SocketLog no_log;
  const bool remote = options.target.allow_remote;
  ToxicGate gate({.port = static_cast<uint16_t>(options.listen_port), .allow_remote = remote},
                 server->connector(), &no_log, &recorder);
  if (!gate.Open(&error)) {
    return Fail("--listen: " + error + ": choose another port, or 0 for a free one");
  }
  if (!store.Open(&error)) return Fail("--output: " + error + ": name another");

  std::printf("recording on %s:%d the traffic to and from %s, into %s; Ctrl-C ends it\n",
              remote ? "0.0.0.0" : "127.0.0.1", gate.port(), server->ToText().c_str(),
              options.output.c_str());
  std::fflush(stdout);
  ToxicLoop loop;
  loop.Add(&gate);
  loop.Watch(interrupted.get(), [] { return false; });
  const bool well = loop.Run(&error);
  gate.Enable(false);
  recorder.Finish();

  std::printf("%llu connections, %llu requests, %llu replies: %llu new cases, %llu duplicates\n",
              static_cast<unsigned long long>(recorder.connections()),
              static_cast<unsigned long long>(recorder.requests()),
              static_cast<unsigned long long>(recorder.replies()),
              static_cast<unsigned long long>(store.added()),
              static_cast<unsigned long long>(store.duplicates()));
  if (recorder.packets() > 0) {
    std::printf("%llu packets of the cluster bus\n",
                static_cast<unsigned long long>(recorder.packets()));
  }
  if (recorder.refused_streams() > 0) {
    std::printf("%llu streams had malformed data; the rest of them was not recorded\n",
                static_cast<unsigned long long>(recorder.refused_streams()));
  }
  std::fflush(stdout);
  if (!well) return Fail(error);
  if (!recorder.error().empty()) return Fail(recorder.error());
  // The signal is handled; the process may end normally.
  if (!interrupted.Finish()) return Fail("cannot read the signal");
  return 0;
}

}  // namespace resprobe::live
