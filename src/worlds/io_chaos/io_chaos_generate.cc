// Fills the fields of the ops of `io_chaos` with useful values.

#include <algorithm>

#include "worlds/io_chaos/io_chaos_world.h"

namespace resprobe {

void IoChaosWorld::Generate(Gen& gen, Step& op) {
  Rng& rng = gen.rng();
  // Apply swarm weights to the steps.
  for (int tries = 0; tries < 4; ++tries) {
    op.step = static_cast<ClientStep>(rng.Below(std::size(kClientStepNames)));
    if (gen.Swarm(1000 + static_cast<uint64_t>(op.step)) > 0) break;
  }
  op.which.value = static_cast<uint8_t>(rng.Below(3));
  op.size.value = op.step == ClientStep::kDownload || op.step == ClientStep::kUpload
                      ? static_cast<uint32_t>(1 + rng.Below(uint64_t{4} << rng.Below(11)))
                      : static_cast<uint32_t>(rng.Below(3));
  op.then = rng.OneIn(6) ? static_cast<ClientAction>(rng.Below(5)) : ClientAction::kNothing;
  op.pipelined = rng.OneIn(2);
}

void IoChaosWorld::Generate(Gen& gen, Toxify& op) {
  Rng& rng = gen.rng();
  for (int tries = 0; tries < 4; ++tries) {
    op.kind = static_cast<ToxicKind>(rng.Below(kToxicKinds));
    if (gen.Swarm(2000 + static_cast<uint64_t>(op.kind)) > 0) break;
  }
  op.direction = rng.OneIn(3) ? ToxicDirection::kUpstream : ToxicDirection::kDownstream;
  const std::span<const ToxicAttribute> named = InfoOf(op.kind).named();
  const auto value = [&](size_t i) -> int64_t {
    if (i >= named.size()) return 0;
    if (named[i].name == "type") return "+-:$*_#,(!=%~|>"[rng.Below(15)];
    if (named[i].name == "length") return gen.EdgeNumber();
    if (named[i].name == "at") return static_cast<int64_t>(rng.Below(4));
    if (named[i].name == "depth") {
      return static_cast<int64_t>(1 + rng.Below(uint64_t{4} << rng.Below(13)));
    }
    return rng.OneIn(3) ? named[i].usual
                        : std::clamp<int64_t>(rng.Between(-4, 64), named[i].least, named[i].most);
  };
  op.first.value = value(0);
  op.second.value = value(1);
  op.third.value = value(2);
}

void IoChaosWorld::Generate(Gen& gen, Advance& op) {
  op.ms.value = static_cast<uint32_t>(1 + gen.rng().Below(uint64_t{4} << gen.rng().Below(9)));
}

void IoChaosWorld::Generate(Gen& gen, Raw& op) {
  constexpr std::string_view kRaw[] = {"+OK\r\n",
                                       "-ERR max number of clients reached\r\n",
                                       ":1\r\n",
                                       "$-1\r\n",
                                       "*-1\r\n",
                                       "*0\r\n",
                                       "$1\r\n",
                                       "*2\r\n",
                                       "_\r\n",
                                       "#t\r\n",
                                       ",inf\r\n",
                                       "%1\r\n",
                                       "~1\r\n",
                                       ">2\r\n",
                                       "|1\r\n",
                                       "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n",
                                       "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n",
                                       "*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n",
                                       "*4294967297\r\n",
                                       "*2305843009213693953\r\n",
                                       "*-2\r\n",
                                       "$9223372036854775807\r\n",
                                       "=7\r\ntxt:abc\r\n",
                                       "(12345678901234567890\r\n",
                                       "\r\n",
                                       "\n",
                                       "x"};
  op.bytes.bytes = gen.rng().Pick(kRaw);
}

}  // namespace resprobe
