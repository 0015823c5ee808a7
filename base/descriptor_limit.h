// How many descriptors this process may have: each peer of a daemon is one.
#pragma once

namespace gd {

// Up to what the machine lets it have; one that it does not let us raise stays as it is.
void raise_descriptor_limit();

}  // namespace gd
