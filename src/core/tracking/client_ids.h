#ifndef RESPROBE_CORE_TRACKING_CLIENT_IDS_H_
#define RESPROBE_CORE_TRACKING_CLIENT_IDS_H_

#include <cstdint>
#include <vector>

namespace resprobe {

// Ids of connections, in order of arrival. It is a type of its own so that a Dict of them can keep
// their memory.
struct ClientIds : std::vector<uint64_t> {};
inline void RecycleSlot(ClientIds& ids) { ids.clear(); }

}  // namespace resprobe

#endif  // RESPROBE_CORE_TRACKING_CLIENT_IDS_H_
