// SPDX-License-Identifier: Apache-2.0

//! The Helm chart and Strimzi's resources.
