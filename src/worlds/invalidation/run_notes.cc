#include "worlds/invalidation/run_notes.h"

#include "worlds/invalidation/invalidation_names.h"

namespace resprobe::invalidation {
namespace {

std::string Words(std::span<const std::string_view> args) {
  std::string text;
  for (const std::string_view arg : args) {
    if (!text.empty()) text += ' ';
    text.append(arg);
  }
  return text;
}

std::string Mark(uint64_t number) { return " (#" + std::to_string(number) + ")"; }

// Calls note(message) for those of which all has arrived, and removes them. Returns how many.
template <class Messages, class Note>
size_t TakeArrived(Messages* messages, uint64_t delivered, const Note& note) {
  size_t whole = 0;
  while (whole < messages->size() && (*messages)[whole].end <= delivered) {
    note((*messages)[whole++]);
  }
  messages->erase(messages->begin(), messages->begin() + static_cast<ptrdiff_t>(whole));
  return whole;
}

}  // namespace

void RunNotes::Reset() {
  messages_ = 0;
  held_.fill("nothing");
}

void RunNotes::Connected(const Wire& wire) {
  Of(wire).to_server.clear();
  Of(wire).to_client.clear();
}

void RunNotes::Does(RunContext& run, const Client& client, std::string_view what) {
  run.trace().Line(Doing(client, what));
}

std::string RunNotes::Doing(const Client& client, std::string_view what) {
  return "  c" + std::to_string(client.number) + " " + std::string(what);
}

void RunNotes::Sends(RunContext& run, const Client& client, const Wire& wire,
                     std::span<const std::string_view> words, uint64_t end, bool arrives) {
  const std::string text = Words(words);
  Of(wire).to_server.push_back({end, ++messages_, text});
  Does(run, client,
       (wire.index == 0 ? "sends " : "sends on wire 1 ") + text + Mark(messages_) +
           (arrives ? "" : ", which is lost"));
}

void RunNotes::Sends(RunContext& run, const TrackedServers& servers, const Wire& wire,
                     resp::ReplyView message, bool push, uint64_t end) {
  const std::string text = resp::ToText(message);
  Of(wire).to_client.push_back({end, ++messages_, text});
  run.trace().Line("  " + servers.Name(wire.node) + (push ? " pushes " : " sends ") + text +
                   " to c" + std::to_string(wire.client) + (wire.index == 0 ? "" : " on wire 1") +
                   Mark(messages_));
}

void RunNotes::ServerGets(RunContext& run, const TrackedServers& servers, const Wire& wire,
                          uint64_t delivered, size_t bytes) {
  const std::string server = servers.Name(wire.node);
  const std::string client = " of c" + std::to_string(wire.client);
  const size_t whole = TakeArrived(&Of(wire).to_server, delivered, [&](const Message& request) {
    run.trace().Line("  " + server + " gets " + request.text + client + Mark(request.number));
  });
  if (whole == 0) {
    run.trace().Line("  " + server + " gets " + std::to_string(bytes) + " bytes" + client);
  }
}

void RunNotes::ClientGets(RunContext& run, const Client& client, const Wire& wire,
                          uint64_t delivered, size_t bytes) {
  const size_t whole = TakeArrived(&Of(wire).to_client, delivered, [&](const Message& message) {
    Does(run, client, "gets " + message.text + Mark(message.number));
  });
  if (whole == 0) Does(run, client, "gets " + std::to_string(bytes) + " bytes");
}

void RunNotes::Entries(RunContext& run, const Clients& clients) {
  for (const Client& client : clients) {
    const cache::Cache& cache = client.cache->cache();
    std::string text;
    for (const auto* entries : {&cache.keys, &cache.fields}) {
      for (size_t e = 0; e < entries->size(); ++e) {
        const cache::Entry& entry = entries->at(e).value;
        const size_t slot = SlotOfEntry(entries->at(e).key, entries == &cache.fields);
        if (entry.owner != client.cache.get() || slot == kSlots) continue;
        text += (text.empty() ? "" : ", ") + SlotName(slot) + " " +
                (entry.valid      ? (entry.null ? "nil" : entry.value)
                 : entry.poisoned ? "poisoned"
                                  : "pending");
      }
    }
    if (text.empty()) text = "nothing";
    if (text == held_[client.number]) continue;
    held_[client.number] = text;
    Does(run, client, "holds " + text);
  }
}

}  // namespace resprobe::invalidation
