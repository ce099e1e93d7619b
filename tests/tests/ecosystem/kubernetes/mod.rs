// SPDX-License-Identifier: Apache-2.0

//! The Helm chart and Strimzi's resources: rendered by Helm itself, checked against Kubernetes' schemas and those of the custom
//! resources by kubeconform, and compared with the program. There is no Kubernetes here: an instance is started with the
//! arguments and the environment that its container would have.

mod chart;
mod documents;
mod helm;
mod objects;
mod running;
mod strimzi;
mod values;
