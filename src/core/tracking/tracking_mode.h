#ifndef RESPROBE_CORE_TRACKING_TRACKING_MODE_H_
#define RESPROBE_CORE_TRACKING_TRACKING_MODE_H_

namespace resprobe {

// The options of CLIENT TRACKING ON. Without bcast, optin and optout: default mode.
struct TrackingMode {
  bool bcast = false;   // every change of a key under one of the client's prefixes
  bool optin = false;   // keys read after CLIENT CACHING YES
  bool optout = false;  // keys read, except after CLIENT CACHING NO
  bool noloop = false;  // no messages for the client's own changes

  bool operator==(const TrackingMode&) const = default;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_TRACKING_TRACKING_MODE_H_
