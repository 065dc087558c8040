#include "worlds/invalidation/client_traffic.h"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include "worlds/invalidation/invalidation_names.h"

namespace resprobe::invalidation {

// --- What clients send.

void ClientTraffic::Open(Client& client, size_t index, RunContext& run) {
  Wire& wire = wires_->Of(client.number, index);
  wires_->Open(wire, model_->Home(client.number));
  pushes_->Connected(wire);
  notes_->Connected(wire);
  if (index == 0) client.requests.Connected(wire.node);
  client.cache->OnConnected(static_cast<cache::Wire>(index), wires_->ServerOf(wire).run);
  SendAll(client, run);
}

// Output without a request: the handshake continues, or a read is resent.
void ClientTraffic::SendAll(Client& client, RunContext& run) {
  const uint64_t before = client.requests.size();
  Send(client, 0, run);
  // These reads are not caused by an op.
  for (uint64_t i = before; settings_->replays() && i < client.requests.size(); ++i) {
    if (client.requests[i].kind == Sent::Kind::kRead) client.requests.MatchReplay(i);
  }
  if (settings_->two_wires()) Send(client, 1, run);
}

void ClientTraffic::Send(Client& client, size_t index, RunContext& run) {
  std::string& output = client.cache->output(static_cast<cache::Wire>(index));
  if (output.empty()) return;
  Wire& wire = wires_->Of(client.number, index);
  std::string_view bytes = output;
  const bool arrives = wires_->Whole(wire);
  uint64_t end = arrives ? wires_->ToServer(wire).sent() : 0;
  if (arrives) wires_->ToServer(wire).Put(bytes);
  while (!bytes.empty()) {
    const resp::RequestParser::Result result = wire.requests.Parse(bytes);
    if (!run.Check(result.status == resp::RequestParser::Status::kRequest, "framing",
                   "whole requests", [&] { return client.name() + " sent " + output; })) {
      break;
    }
    bytes.remove_prefix(result.consumed);
    end += result.consumed;
    const std::span<const std::string_view> args = wire.requests.args();
    if (run.trace().on()) [[unlikely]]
      notes_->Sends(run, client, wire, args, end, arrives);
    if (index == 1) {
      ++wire.unanswered;
      continue;
    }
    Sent& sent = client.requests.Add(args, settings_->config.mode);
    model_->NoteRequest(sent);
    sent.end = arrives ? end : UINT64_MAX;
  }
  output.clear();
}

// --- Bytes arrive at a server, which answers.

// Moves the server's output onto the link and parses it. Nearly always there is none.
inline void ClientTraffic::Collect(Client& client, size_t index, RunContext& run) {
  Wire& wire = wires_->Of(client.number, index);
  if (wire.up() && wires_->HasOutput(wire)) CollectOutput(client, wire, run);
}

void ClientTraffic::DeliverToServer(Client& client, size_t index, size_t bytes, RunContext& run) {
  const Wire& wire = wires_->Of(client.number, index);
  if (bytes == 0 || wires_->InFlight(wire, false) == 0 || !wires_->Whole(wire)) return;
  const size_t arrived = wires_->DeliverToServer(wire, bytes);
  if (arrived == 0) return;
  if (run.trace().on()) [[unlikely]]
    notes_->ServerGets(run, *servers_, wire, wires_->ToServer(wire).delivered(), arrived);
  model_->ReadStream(run);
  // The writer's replies first: they determine the version that the pushes to the others refer to.
  Collect(client, 0, run);
  model_->SeeVanished(run);
  CollectAll(run);
  if (run.violated()) return;
  const ByteStream& requests = wires_->ToServer(wire);
  const bool unanswered = index == 0 ? client.requests.Next(requests.delivered()) != nullptr
                                     : wire.unanswered > 0 && requests.in_flight() == 0;
  run.Check(!unanswered || !wires_->Whole(wire), "framing",
            "a reply to each request that has arrived", [&] {
              return "no reply to a request of " + client.name() + " on wire " +
                     std::to_string(index);
            });
  entries_->CheckTables(run);
}

void ClientTraffic::CollectOutput(Client& client, Wire& wire, RunContext& run) {
  const size_t index = wire.index;
  std::string_view fresh = wires_->Collect(wire);
  if (fresh.empty()) return;
  while (!run.violated()) {
    const resp::ReplyParser::Result result = wire.replies.Parse(fresh);
    if (result.status == resp::ReplyParser::Status::kError) {
      run.Check(false, "framing", "replies and pushes",
                [&] { return "to " + client.name() + ": " + wire.replies.error().message(); });
      return;
    }
    fresh.remove_prefix(result.consumed);
    if (result.status == resp::ReplyParser::Status::kNeedMore) break;
    const resp::ReplyView reply = wire.replies.reply().root();
    const uint64_t end = wires_->ToClient(wire).sent() - fresh.size();
    const bool push = reply.type() == resp::Type::kPush;
    const bool message = index == 1 && settings_->config.wires == cache::Wires::kTwoResp2 &&
                         reply.type() == resp::Type::kArray && reply.size() == 3 &&
                         reply[0].text() == "message";
    if (run.trace().on()) [[unlikely]]
      notes_->Sends(run, *servers_, wire, reply, push || message, end);
    if (push || message) {
      pushes_->Sent(wire, end, reply, run);
      continue;
    }
    if (index == 1) {
      if (!run.Check(wire.unanswered > 0, "framing", "replies to requests that have arrived", [&] {
            return "a reply to " + client.name() +
                   " on wire 1 that nothing asked for: " + resp::ToText(reply);
          })) {
        return;
      }
      --wire.unanswered;
      continue;
    }
    Sent* const sent = client.requests.Next(wires_->ToServer(wire).delivered());
    if (!run.Check(sent != nullptr, "framing", "replies to requests that have arrived", [&] {
          return "a reply to " + client.name() + " that nothing asked for: " + resp::ToText(reply);
        })) {
      return;
    }
    client.requests.Answered();
    Answered(client, *sent, reply, run);
  }
  if (!settings_->config.output_limit || !wires_->LimitOutput(wire)) return;
  run.trace().Line([&] {
    return "  " + servers_->Name(wire.node) + " closes the connection of c" +
           std::to_string(client.number) + ": its output limit";
  });
}

void ClientTraffic::Answered(Client& client, Sent& sent, resp::ReplyView reply, RunContext& run) {
  switch (sent.kind) {
    case Sent::Kind::kOther:
      return;
    case Sent::Kind::kRead:
    case Sent::Kind::kReadMany:
      for (size_t i = 0; i < sent.count; ++i) {
        const size_t slot = sent.slots[i];
        const bool many = sent.kind == Sent::Kind::kReadMany;
        if (many && !run.Check(reply.size() == sent.count, "framing", "a value for each key",
                               [&] { return resp::ToText(reply); })) {
          return;
        }
        const resp::ReplyView value = many ? reply[i] : reply;
        if (!model_->Observe(sent.node, sent.db, slot, value, run)) return;
        sent.values[i] = ValueNumber(value.is_null(), value.text());
        sent.versions[i] = (*servers_)[sent.node].truth[sent.db][slot].version;
        if (sent.tracked) pushes_->HasRead(client.number, slot);
      }
      return;
    case Sent::Kind::kWrite:
    case Sent::Kind::kExec:
      break;
  }
  const bool exec = sent.kind == Sent::Kind::kExec;
  const bool good =
      exec ? reply.is_aggregate() && reply.size() == 1 && !reply[0].is_error() : !reply.is_error();
  if (!run.Check(good, "server_value", "a write that succeeds",
                 [&] { return "to " + client.name() + ": " + resp::ToText(reply); })) {
    return;
  }
  model_->RanWrite(sent, reply, run);
}

void ClientTraffic::CollectAll(RunContext& run) {
  for (Client& client : *clients_) {
    for (size_t wire = 0; wire < settings_->wires() && !run.violated(); ++wire) {
      Collect(client, wire, run);
    }
  }
  wires_->CollectGhosts();
  CheckEntries(run);
}

void ClientTraffic::CheckEntries(RunContext& run) {
  if (run.trace().on()) [[unlikely]]
    notes_->Entries(run, *clients_);
  entries_->CheckCoverage(run);
}

// --- Bytes arrive at a client.

void ClientTraffic::DeliverToClient(Client& client, size_t index, size_t bytes, RunContext& run) {
  Wire& wire = wires_->Of(client.number, index);
  if (!wire.up()) return;
  size_t left = std::min(bytes, wires_->ToClient(wire).in_flight());
  // If nothing arrives, nothing has changed since the last check.
  if (left == 0 && !wires_->SeesEnd(wire)) return;
  while (left > 0 && !run.violated() && wire.up()) {
    const size_t step = pushes_->Step(wire, wires_->ToClient(wire).delivered(), left);
    const std::string_view arrived = wires_->TakeAtClient(wire, step);
    left -= step;
    if (run.trace().on()) [[unlikely]] {
      notes_->ClientGets(run, client, wire, wires_->ToClient(wire).delivered(), arrived.size());
    }
    client.cache->OnBytes(arrived, servers_->now_ms(), static_cast<cache::Wire>(index));
    TakeCompletions(client, run);
    SendAll(client, run);
    pushes_->Deliver(wire, wires_->ToClient(wire).delivered(),
                     [&](const PushBook::Push& push) { Arrived(client, wire, push); });
  }
  if (run.violated()) return;
  run.Check(client.cache->state() != cache::CachingClient::State::kBroken, "framing",
            "a stream that the client can follow",
            [&] { return client.name() + ": " + std::string(client.cache->broken_because()); });
  if (run.violated()) return;
  if (wire.up() && wires_->SeesEnd(wire)) {
    Close(client, index, /*ghost=*/false, run);
  } else {
    CheckEntries(run);
  }
  DropLost(client, run);
}

void ClientTraffic::TakeCompletions(Client& client, RunContext& run) {
  reads_->Completed(client, run);
  if (run.trace().on()) [[unlikely]]
    notes_->Entries(run, *clients_);
}

void ClientTraffic::Arrived(Client& client, const Wire& wire, const PushBook::Push& push) {
  switch (push.what) {
    case PushBook::Push::What::kBroken:
      ++client.epoch;
      break;
    case PushBook::Push::What::kEverything:
      for (Client& other : *clients_) {
        if (&other == &client || settings_->config.shared) ++other.epoch;
      }
      break;
    case PushBook::Push::What::kSlot:
      // Invalidations of a server that has died permanently do not bind another one.
      if (!wires_->ServerOf(wire).up) break;
      reads_->Arrived(client.number, push.slot, push.versions);
      break;
  }
}

void ClientTraffic::Close(Client& client, size_t index, bool ghost, RunContext& run) {
  Wire& wire = wires_->Of(client.number, index);
  wires_->CloseClientsEnd(wire, ghost);
  pushes_->Forget(wire);
  ++client.epoch;
  if (run.trace().on()) {
    RunNotes::Does(run, client, index == 0 ? "sees the end" : "sees the end of wire 1");
  }
  client.cache->OnDisconnected(static_cast<cache::Wire>(index));
  TakeCompletions(client, run);
}

// A client disconnects if it knows that its connection for invalidations is lost.
void ClientTraffic::DropLost(Client& client, RunContext& run) {
  if (!settings_->two_wires() || !client.cache->invalidations_lost()) return;
  const Wire& wire = wires_->Of(client.number, 1);
  if (!wire.up()) return;
  if (wires_->Whole(wire)) wires_->CloseServersEnd(wire, Network::Farewell::kFin);
  Close(client, 1, /*ghost=*/false, run);
}

// --- The replica, and everything at once.

void ClientTraffic::DeliverToReplica(size_t bytes, RunContext& run) {
  if (model_->stream().in_flight() == 0 || run.violated()) return;
  const size_t swaps = model_->DeliverToReplica(bytes, run);
  for (size_t i = 0; i < swaps; ++i) TellOfSwap(1 - servers_->first());
  CollectAll(run);
}

void ClientTraffic::TellOfSwap(size_t server) {
  for (Client& client : *clients_) {
    if (model_->Home(client.number) != server) continue;
    client.cache->Forget();
    ++client.epoch;
  }
}

void ClientTraffic::Drain(RunContext& run) {
  wires_->EndGhosts();
  for (bool moved = true; moved && !run.violated();) {
    moved = model_->stream().in_flight() > 0;
    DeliverToReplica(SIZE_MAX, run);
    for (Client& client : *clients_) {
      for (size_t w = 0; w < settings_->wires() && !run.violated(); ++w) {
        const Wire& wire = wires_->Of(client.number, w);
        if (!wire.up()) continue;
        wires_->TellClient(wire);
        moved |= wires_->InFlight(wire, false) + wires_->InFlight(wire, true) > 0;
        DeliverToServer(client, w, SIZE_MAX, run);
        DeliverToClient(client, w, SIZE_MAX, run);
      }
    }
  }
}

}  // namespace resprobe::invalidation
